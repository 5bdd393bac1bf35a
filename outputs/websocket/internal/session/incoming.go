// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package session

import (
	"time"

	"filebeat-websocket/outputs/websocket/ack"
)

// readLoop reads until the connection ends: by the peer, by Cut or by a read error.
// Open starts it.
func (s *Session) readLoop() {
	s.fail(s.conn.Read(incoming{s}))
}

// incoming is the conn.Handler of a Session, whose methods it does not export.
type incoming struct{ s *Session }

func (in incoming) Heard() {
	s := in.s
	s.stateMutex.Lock()
	s.awaitSince = time.Time{}
	s.stateMutex.Unlock()
}

func (in incoming) Pong(payload []byte) {
	s := in.s
	s.stateMutex.Lock()
	verdict := s.strategy.Pong(payload)
	if !s.opened {
		s.broadcast() // probe looks again
	}
	var took time.Duration
	if !s.measureFrom.IsZero() {
		took = time.Since(s.measureFrom)
		s.measureFrom = time.Time{}
	}
	s.stateMutex.Unlock()
	if took > 0 && s.options.RoundTrip != nil {
		s.options.RoundTrip(took)
	}
	s.answer(verdict)
}

// answer does what the verdict on a received frame asks for.
func (s *Session) answer(v ack.Verdict) {
	if err := s.writeReply(v); err != nil {
		s.fail(err)
		return
	}
	s.apply(v)
}

func (in incoming) Message(payload []byte) {
	for more := true; more; payload = nil {
		more = in.s.message(payload)
	}
}

// message passes a message to the strategy, and reports whether there is more in it.
func (s *Session) message(payload []byte) (more bool) {
	s.stateMutex.Lock()
	verdict, err := s.strategy.Message(payload)
	first := err != nil && !s.ignored
	s.ignored = s.ignored || err != nil
	if !s.opened {
		s.broadcast() // probe looks again
	}
	s.stateMutex.Unlock()
	if err == nil {
		s.answer(verdict)
	} else if first && s.options.Ignored != nil {
		s.options.Ignored(err)
	}
	return verdict.More && verdict.Failed == nil
}
