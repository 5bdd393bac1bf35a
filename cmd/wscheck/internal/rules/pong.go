// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"filebeat-websocket/cmd/wscheck/internal/wire"
)

func checkProbe(r *run) Verdict {
	return r.with("a Ping, and nothing else", func(s *session) string {
		s.flush()
		answers := func(payload []byte) bool { // one without the payload is for W2
			return len(payload) == 0 || bytes.Equal(payload, []byte{0, 0, 0, 0, 0, 0, 0, 1})
		}
		return s.until(func() bool { return slices.ContainsFunc(s.pongs, answers) }, func() string { return "no Pong that answers it" })
	})
}

func checkPongOrder(r *run) Verdict {
	const count = 8
	return r.with(fmt.Sprintf("%d messages, a Ping behind each", count), func(s *session) string {
		for range count {
			s.sendAll(r.recordsOf(1))
		}
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

// answered waits for a moment until the receiver has answered a Ping, and so has read what
// was sent before.
func (s *session) answered() {
	payload := []byte("wscheck")
	if s.ping(payload) != nil {
		return // the connection has ended, which the caller finds out
	}
	echoed := func(got []byte) bool { return bytes.Equal(got, payload) }
	for deadline := time.Now().Add(promptTime); !slices.ContainsFunc(s.pongs, echoed) && s.take(deadline); {
		continue
	}
}

// ping sends a Ping that is not numbered.
func (s *session) ping(payload []byte) error {
	s.pinged++
	return s.conn.Send(wire.Frame{Opcode: wire.Ping, Payload: payload})
}
