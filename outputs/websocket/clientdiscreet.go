// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"errors"

	"filebeat-websocket/outputs/websocket/ack"
	"filebeat-websocket/outputs/websocket/internal/conn"
)

// discreetConn hides secrets in the error with which a connection ends: the server
// chooses the reason in a Close frame.
type discreetConn struct{ *conn.Conn }

func (c discreetConn) Read(handler conn.Handler) error {
	err := c.Conn.Read(handler)
	if closed, ok := errors.AsType[*conn.CloseError](err); ok {
		closed.Reason = c.Redact(closed.Reason)
	}
	return err
}

// discreetStrategy hides secrets in the verdicts and errors of a strategy: the
// server chooses the reason of a nack, and an error may quote it.
type discreetStrategy struct {
	ack.Strategy
	conn *conn.Conn
}

func (s discreetStrategy) Message(payload []byte) (ack.Verdict, error) {
	verdict, err := s.Strategy.Message(payload)
	if err != nil {
		err = errors.New(s.conn.Redact(err.Error()))
	}
	if verdict.Refused != nil && verdict.Refused.Reason != "" {
		verdict.Refused.Reason = s.conn.Redact(verdict.Refused.Reason)
	}
	if failed, ok := errors.AsType[*ack.HandshakeError](verdict.Failed); ok {
		failed.Problem = s.conn.Redact(failed.Problem)
	}
	return verdict, err
}

// Unwrap returns the strategy inside, for ack.As.
func (s discreetStrategy) Unwrap() ack.Strategy { return s.Strategy }
