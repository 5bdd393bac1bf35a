// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package session

import (
	"time"

	"filebeat-websocket/outputs/websocket/ack"
)

// readLoop runs until the connection ends. It is started by Open, and ended by
// the peer, by Cut or by a read error.
func (s *Session) readLoop() {
	s.fail(s.conn.Read(incoming{s}))
}

// incoming keeps the handler's methods off the Session's exported ones.
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

// answer does all that a verdict on what came in asks for.
func (s *Session) answer(v ack.Verdict) {
	if err := s.writeReply(v); err != nil {
		s.fail(err)
		return
	}
	s.apply(v)
}

func (in incoming) Message(payload []byte) {
	s := in.s
	s.stateMutex.Lock()
	verdict, err := s.strategy.Message(payload)
	first := err != nil && !s.ignored
	s.ignored = s.ignored || err != nil
	if !s.opened {
		s.broadcast() // probe looks again
	}
	s.stateMutex.Unlock()
	if err != nil {
		if first && s.options.Ignored != nil {
			s.options.Ignored(err)
		}
		return
	}
	s.answer(verdict)
}
