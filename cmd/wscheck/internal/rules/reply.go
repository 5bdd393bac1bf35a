// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"filebeat-websocket/cmd/wscheck/internal/wire"
	"filebeat-websocket/protocol"
)

const (
	// maxReplyBytes is max_read_bytes of the output.
	maxReplyBytes = 1 << 20
	// progressInterval is that of docs/protocol.md, and a second for the way.
	progressInterval = 6 * time.Second
)

// reply is a message of filebeat.ack.v1, as far as it can be understood.
type reply struct {
	protocol.Reply
	text string
}

// isAckOfNothing reports whether it is {"ack":0}.
func (r *reply) isAckOfNothing() bool {
	return r.Ack == 0 && r.Nack == 0 && !r.Progress && r.Pause == 0 && strings.Contains(r.text, `"ack"`)
}

// reply takes a message of filebeat.ack.v1.
func (s *session) reply(event wire.Event) {
	r := s.r
	r.seen["A7"]++
	if event.Opcode != wire.Text {
		r.found("A7", "a binary message: "+shortened(string(event.Payload)))
	}
	if len(event.Payload) > maxReplyBytes {
		r.found("A7", fmt.Sprintf("a reply of %d bytes", len(event.Payload)))
	}
	parsed, err := protocol.ParseReply(event.Payload)
	if err != nil {
		parsed = s.guess(event.Payload)
	}
	if s.confirmed < s.sent {
		wait := time.Since(s.signed)
		r.waited = max(r.waited, wait)
		if wait > progressInterval {
			r.found("G2", fmt.Sprintf("nothing for %v, then %s", wait.Round(time.Millisecond), shortened(string(event.Payload))))
		}
	}
	if parsed.Progress {
		r.seen["G2"]++
	}
	if parsed.Progress || parsed.Pause > 0 {
		r.seen["G1"]++
	}
	if parsed.Pause > 0 {
		s.pauseTill = time.Now().Add(parsed.Pause)
	}
	s.replies = append(s.replies, reply{Reply: parsed, text: string(event.Payload)})
	if number := int(parsed.Ack); number > 0 {
		r.seen["A8"]++
		if number <= s.lastAck {
			r.found("A8", fmt.Sprintf("{\"ack\":%d} after {\"ack\":%d}", number, s.lastAck))
		}
		s.lastAck = number
		if number > s.sent {
			s.aheadBy(fmt.Sprintf("{\"ack\":%d} came when %s had been sent", number, plural(s.sent, "message")))
		}
		s.confirmed = max(s.confirmed, min(number, s.sent))
	}
	if number := int(parsed.Nack); number > 0 {
		if number > s.sent {
			s.aheadBy(fmt.Sprintf("{\"nack\":%d} came when %s had been sent", number, plural(s.sent, "message")))
		}
		s.nacked[number] = true
	}
	s.signed = time.Now()
}

func (s *session) aheadBy(what string) {
	if s.ahead == "" {
		s.ahead = what
	}
}

// guess understands a reply that is wrong as it may be meant, so that one mistake shows as
// one, and says what is wrong with it.
func (s *session) guess(payload []byte) (meant protocol.Reply) {
	var keys map[string]json.RawMessage
	text := shortened(string(payload))
	if json.Unmarshal(payload, &keys) != nil {
		s.r.found("A7", "not a JSON object: "+text)
		return meant
	}
	rule, wrong := "A7", "none of the keys ack, nack, progress, pause: "+text
	for key, value := range keys {
		number, err := strconv.Atoi(strings.Trim(string(value), `"`))
		switch key {
		case "ack", "nack":
			wrong = fmt.Sprintf("%s is not a whole number from 1: %s", key, text)
			if err == nil && number > 0 && key == "ack" {
				meant.Ack = uint64(number)
			} else if err == nil && number > 0 {
				meant.Nack = uint64(number)
			}
		case "records":
			wrong = "records is not a list of whole numbers from 0: " + text
		case "progress", "pause":
			rule, wrong = "G1", fmt.Sprintf("%s is not %s: %s", key, map[string]string{"progress": "true", "pause": `a text such as "5s"`}[key], text)
		}
	}
	s.r.found(rule, wrong)
	return meant
}

// nack returns the first nack, and where it stands among the replies.
func (s *session) nack() (position int, nack *reply) {
	position = slices.IndexFunc(s.replies, func(one reply) bool { return one.Nack > 0 })
	if position < 0 {
		return -1, nil
	}
	return position, &s.replies[position]
}
