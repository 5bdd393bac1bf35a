// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"filebeat-websocket/cmd/wscheck/internal/wire"
	"filebeat-websocket/protocol"
)

// maxPingBytes is RFC 6455 5.5.
const maxPingBytes = 125

// with opens a connection for a check.
func (r *run) with(sent string, check func(s *session) string) Verdict {
	s, problem := r.open(dialing{})
	if problem != "" {
		return judge(sent, "nothing", problem)
	}
	defer s.close()
	problem = check(s)
	return judge(sent, s.came(), problem)
}

// awaitPong waits for a Pong with that payload.
func (s *session) awaitPong(payload []byte) string {
	return s.until(func() bool {
		return len(s.pongs) > 0 && bytes.Equal(s.pongs[len(s.pongs)-1], payload)
	}, func() string {
		return fmt.Sprintf("no Pong with the payload of the Ping, %d bytes", len(payload))
	})
}

func checkPongPayload(r *run) Verdict {
	return r.with("Pings with 0, 8 and 125 bytes", func(s *session) string {
		for _, payload := range [][]byte{{}, {0, 0, 0, 0, 0, 0, 0, 1}, bytes.Repeat([]byte("p"), maxPingBytes)} {
			before := len(s.pongs)
			if err := s.ping(payload); err != nil {
				return err.Error()
			}
			if problem := s.until(func() bool { return len(s.pongs) > before }, func() string { return "no Pong" }); problem != "" {
				return problem
			}
			echoed := func(got []byte) bool { return bytes.Equal(got, payload) }
			if !slices.ContainsFunc(s.pongs[before:], echoed) {
				s.settle(settleTime) // the first one may be a Pong that nothing asked for
			}
			if !slices.ContainsFunc(s.pongs[before:], echoed) {
				r.echoless = true
				return fmt.Sprintf("the Pong for a Ping of %d bytes has a payload of %d bytes", len(payload), len(s.pongs[before]))
			}
		}
		return ""
	})
}

func checkInterleaved(r *run) Verdict {
	return r.with("half a message, a Ping, the other half", func(s *session) string {
		payload := s.data(r.record(""))
		half := len(payload) / 2
		s.pinged++
		s.write(
			wire.Frame{Opcode: s.opcode(), Payload: payload[:half], More: true},
			wire.Frame{Opcode: wire.Ping, Payload: []byte("between")},
			wire.Frame{Payload: payload[half:]},
		)
		if r.echoless {
			return s.until(func() bool { return len(s.pongs) > 0 }, func() string { return "no Pong" })
		}
		return s.awaitPong([]byte("between"))
	})
}

func checkUTF8(r *run) Verdict {
	if r.format.Binary {
		return notTried("the messages of the format " + r.format.Name + " are binary")
	}
	return r.with("a text message with the bytes C3 28 in it", func(s *session) string {
		one := r.record("")
		payload := r.format.Message(bytes.Replace(one.bytes, []byte("a line"), []byte("a \xc3\x28"), 1))
		s.write(wire.Frame{Opcode: wire.Text, Payload: payload})
		s.flush()
		problem := s.awaitSettled(1)
		switch {
		case s.end != nil && s.end.Code == protocol.CloseInvalidData, s.nacked[1]:
			return ""
		case problem == "":
			return "it was taken: what is stored may not be what was sent"
		case s.end != nil:
			return "the code says why a connection ends: this is a case for 1007"
		}
		return problem
	})
}

func checkUnmasked(r *run) Verdict {
	return r.with("a message without a mask", func(s *session) string {
		s.write(wire.Frame{Opcode: s.opcode(), Payload: s.data(r.record("")), Bare: true})
		s.flush()
		problem := s.awaitSettled(1)
		if s.end != nil {
			return ""
		}
		if problem == "" {
			problem = "it was taken"
		}
		return "RFC 6455 5.1 has the server close the connection, but " + problem
	})
}

func checkClose(r *run) Verdict {
	return r.with("a message, and, once it is confirmed, close 1000", func(s *session) string {
		s.send(r.record(""))
		s.flush()
		if problem := s.await(1); problem != "" {
			return problem
		}
		if err := s.conn.SendClose(protocol.CloseNormal); err != nil {
			return err.Error()
		}
		end := s.awaitEnd(r.Timeout)
		switch {
		case end == nil:
			return fmt.Sprintf("no Close frame within %v", r.Timeout)
		case end.Code == protocol.CloseAbnormal:
			return "the connection ended without a Close frame"
		case !s.hangsUp():
			return fmt.Sprintf("the Close frame came, but the TCP connection was still open after %v", r.Timeout)
		}
		return ""
	})
}

// exact checks that so many messages are confirmed, and no more.
func (s *session) exact(count int) string {
	if problem := s.await(count); problem != "" {
		return problem
	}
	s.settle(settleTime)
	return s.ahead
}

func checkFirst(r *run) Verdict {
	const sent = "one message, and one on a new connection"
	first := func(s *session) string {
		s.send(r.record(""))
		problem := s.exact(1)
		if problem != "" && slices.ContainsFunc(s.replies, func(one reply) bool { return one.isAckOfNothing() }) {
			problem = `{"ack":0} confirms nothing: the first message has the number 1`
		}
		return problem
	}
	before := r.with(sent, first)
	if before.State == Fails {
		return before
	}
	verdict := r.with(sent, first)
	verdict.Came = before.Came + "; on the new connection " + verdict.Came
	if verdict.State == Fails {
		verdict.Why = "the count begins anew with each connection: " + verdict.Why
	}
	return verdict
}

func checkEmpty(r *run) Verdict {
	return r.with("three messages, the second one empty", func(s *session) string {
		s.send(r.record(""))
		s.write(wire.Frame{Opcode: s.opcode()})
		s.send(r.record(""))
		s.flush()
		problem := s.awaitSettled(3)
		s.settle(settleTime)
		if problem == "" {
			problem = s.ahead
		}
		if problem != "" && s.confirmed == 2 {
			problem += ": was the empty message not counted?"
		}
		return problem
	})
}

// fragments cuts a message into frames.
func (s *session) fragments(payload []byte, count int) (frames []wire.Frame) {
	size := len(payload) / count
	for i := range count {
		f := wire.Frame{Payload: payload[i*size:], More: i < count-1}
		if f.More {
			f.Payload = f.Payload[:size]
		}
		if i == 0 {
			f.Opcode = s.opcode()
		}
		frames = append(frames, f)
	}
	return frames
}

func checkFragmented(r *run) Verdict {
	return r.with("a message in three frames, the second one empty, and another message", func(s *session) string {
		frames := s.fragments(s.data(r.record("")), 2)
		s.write(frames[0], wire.Frame{More: true}, frames[1])
		s.send(r.record(""))
		s.flush()
		return s.exact(2)
	})
}

func checkCompressed(r *run) Verdict {
	const sent = "a message compressed with permessage-deflate, and one that is not"
	s, problem := r.open(dialing{deflate: true})
	if problem != "" {
		return judge(sent, "nothing", problem)
	}
	defer s.close()
	switch {
	case s.answer.Extensions == "":
		return notTried("the receiver does not accept permessage-deflate")
	case !s.answer.Deflate:
		return notTried("permessage-deflate was accepted in a way that Filebeat cannot use: see U4")
	}
	s.write(wire.Frame{Opcode: s.opcode(), Deflated: true, Payload: wire.Deflate(s.data(r.record("")))})
	s.send(r.record(""))
	s.flush()
	problem = s.exact(2)
	return judge(sent, s.came(), problem)
}

func checkControlUncounted(r *run) Verdict {
	return r.with("a Ping, a Pong, a message, a Ping, a message", func(s *session) string {
		ping := wire.Frame{Opcode: wire.Ping, Payload: []byte("uncounted")}
		if err := s.conn.Send(ping, wire.Frame{Opcode: wire.Pong, Payload: []byte("unasked")}); err != nil {
			return err.Error()
		}
		s.send(r.record(""))
		if problem := s.exact(1); problem != "" {
			return problem
		}
		if err := s.conn.Send(ping); err != nil {
			return err.Error()
		}
		s.send(r.record(""))
		return s.exact(2)
	})
}

func checkOtherKind(r *run) Verdict {
	other, name := wire.Binary, "binary"
	if r.format.Binary {
		other, name = wire.Text, "text"
	}
	payload := r.format.Message(r.record("").bytes)
	if other == wire.Text {
		payload = []byte("text") // a record of a binary format is not UTF-8
	}
	return r.with("three messages, the second one "+name, func(s *session) string {
		s.send(r.record(""))
		s.write(wire.Frame{Opcode: other, Payload: payload})
		s.send(r.record(""))
		problem := s.awaitSettled(3)
		if s.end != nil {
			return ""
		}
		if problem == "" {
			s.settle(settleTime)
			problem = s.ahead
		}
		if problem != "" && s.confirmed == 2 {
			problem += ": was the " + name + " message not counted?"
		}
		return problem
	})
}

func checkTwo(r *run) Verdict {
	const sent = "on two connections in turn, three messages on the first and two on the second"
	first, problem := r.open(dialing{})
	if problem != "" {
		return judge(sent, "nothing", problem)
	}
	defer first.close()
	second, problem := r.open(dialing{})
	if problem != "" {
		return judge(sent, "nothing on the second", problem)
	}
	defer second.close()
	for i := range 3 {
		first.send(r.record(""))
		if i < 2 {
			second.send(r.record(""))
		}
	}
	first.flush()
	second.flush()
	problem = first.exact(3)
	if problem != "" {
		problem = "first connection: " + problem
	} else if problem = second.exact(2); problem != "" {
		problem = "second connection: " + problem
	}
	return judge(sent, "first "+first.came()+", second "+second.came(), problem)
}

// paddedTo returns a message of one record, or a frame of Fluent Forward, of that length.
func (s *session) paddedTo(length int) (payload []byte) {
	one := s.r.record("")
	bare := s.data(one)
	one.bytes = s.r.format.Record(one.marker, one.id, strings.Repeat("x", max(0, length-len(bare)-16)))
	// MessagePack has longer heads for longer texts, for which there are the 16 bytes.
	return s.data(one)
}

func checkLongest(r *run) Verdict {
	sent := fmt.Sprintf("a message of %d bytes, max_message_bytes of the output", r.MaxMessageBytes)
	return r.with(sent, func(s *session) string {
		s.write(s.dataFrame(s.paddedTo(r.MaxMessageBytes)))
		s.flush()
		problem := s.await(1)
		if s.end != nil {
			problem += "; make the receiver's limit as large, or set max_message_bytes, here --max-message-bytes"
		}
		return problem
	})
}

// tooLongFactor times max_message_bytes is too long.
const tooLongFactor = 16

func checkTooLong(r *run) Verdict {
	length := tooLongFactor * r.MaxMessageBytes
	taken := false
	verdict := r.with(fmt.Sprintf("a message of %d bytes", length), func(s *session) string {
		payload := s.paddedTo(length)
		s.sent++
		// The mask is zero. The end of the connection may come before that of the message.
		s.raw(append(s.dataFrame(nil).AppendHead(nil, len(payload)), 0, 0, 0, 0))
		for len(payload) > 0 && s.end == nil && s.problem == "" {
			piece := payload[:min(len(payload), 64<<10)]
			payload = payload[len(piece):]
			s.raw(piece)
			s.settle(0)
		}
		s.flush()
		problem := s.awaitSettled(1)
		switch {
		case s.nacked[1], s.end != nil && s.end.Code == protocol.CloseTooBig:
			return ""
		case s.end != nil:
			return "the code says why a connection ends: only after 1009 does Filebeat look for the record at fault; it would send this one again and again"
		case problem == "":
			taken = true
		default:
			problem += "; set the library's limit for messages"
		}
		return problem
	})
	if taken {
		return notTried(fmt.Sprintf("the receiver takes a message of %d bytes; --max-message-bytes says how long they may be", length))
	}
	return verdict
}
