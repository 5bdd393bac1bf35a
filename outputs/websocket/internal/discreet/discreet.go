// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package discreet

import (
	"errors"

	"filebeat-websocket/outputs/websocket/ack"
	"filebeat-websocket/outputs/websocket/internal/conn"
)

// Conn hides secrets in the error with which a connection ends: the server
// chooses the reason in a Close frame.
type Conn struct{ *conn.Conn }

// Read implements session.Conn.
func (c Conn) Read(handler conn.Handler) error {
	err := c.Conn.Read(handler)
	if closed, ok := errors.AsType[*conn.CloseError](err); ok {
		closed.Reason = c.Redact(closed.Reason)
	}
	return err
}

// Strategy hides secrets in the verdicts and errors of a strategy: the
// server chooses the reason of a nack, and an error may quote it.
type Strategy struct {
	ack.Strategy
	Redact func(string) string // the connection's, which knows the secrets
}

// Message implements ack.Strategy.
func (s Strategy) Message(payload []byte) (ack.Verdict, error) {
	verdict, err := s.Strategy.Message(payload)
	if err != nil {
		err = errors.New(s.Redact(err.Error()))
	}
	if verdict.Refused != nil && verdict.Refused.Reason != "" {
		verdict.Refused.Reason = s.Redact(verdict.Refused.Reason)
	}
	if failed, ok := errors.AsType[*ack.HandshakeError](verdict.Failed); ok {
		failed.Problem = s.Redact(failed.Problem)
	}
	return verdict, err
}

// Unwrap returns the strategy inside, for ack.As.
func (s Strategy) Unwrap() ack.Strategy { return s.Strategy }
