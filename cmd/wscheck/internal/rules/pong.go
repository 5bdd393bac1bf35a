// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"encoding/binary"
	"fmt"

	"filebeat-websocket/cmd/wscheck/internal/wire"
)

func checkProbe(r *run) Verdict {
	return r.with("a Ping, and nothing else", func(s *session) string {
		s.flush()
		return s.until(func() bool { return len(s.pongs) > 0 }, func() string { return "no Pong" })
	})
}

func checkPongOrder(r *run) Verdict {
	const count = 50
	return r.with(fmt.Sprintf("%d messages, a Ping behind each", count), func(s *session) string {
		s.sendAll(r.recordsOf(count))
		if problem := s.await(count); problem != "" {
			return problem
		}
		last := uint64(0)
		for _, payload := range s.pongs {
			if len(payload) != 8 || r.echoless {
				continue
			}
			number := binary.BigEndian.Uint64(payload)
			if number <= last {
				return fmt.Sprintf("Pong %d came after Pong %d", number, last)
			}
			last = number
		}
		return ""
	})
}

// unasked watches for a Pong that answers no Ping.
func (s *session) unasked(payload []byte) {
	s.r.seen["P5"]++
	if len(s.pongs) > s.pinged {
		s.r.found("P5", fmt.Sprintf("%s came when %s had been sent", pongText(payload), plural(s.pinged, "Ping")))
	}
}

// ping sends a Ping that is not numbered.
func (s *session) ping(payload []byte) error {
	s.pinged++
	return s.conn.Send(wire.Frame{Opcode: wire.Ping, Payload: payload})
}
