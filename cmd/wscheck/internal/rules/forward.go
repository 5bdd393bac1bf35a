// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/tinylib/msgp/msgp"

	"filebeat-websocket/cmd/wscheck/internal/wire"
	"filebeat-websocket/protocol/forward"
)

// Modes of Fluent Forward requests, as forward.mode of the output.
const (
	messageRequest    = "message"
	forwardRequest    = "forward"
	packedRequest     = "packed"
	compressedRequest = "compressed"
)

// hostname is the one of the handshake; a server must not have the same.
const hostname = "wscheck"

// requestFrame is a request with these entries, as the message of that number.
func (s *session) requestFrame(number int, mode string, entries [][]byte, withChunk bool) wire.Frame {
	chunk := ""
	if withChunk {
		chunk = string(forward.AppendChunk(nil, nil, entries...))
		s.chunks[chunk] = number
		s.open[number] = true
	}
	return wire.Frame{Opcode: wire.Binary, Payload: request(mode, entries, chunk)}
}

// request is one of docs/formats.md.
func request(mode string, entries [][]byte, chunk string) []byte {
	joined := bytes.Join(entries, nil)
	elements := uint32(3)
	if mode == messageRequest {
		elements++
	}
	to := msgp.AppendString(msgp.AppendArrayHeader(nil, elements), tag)
	switch mode {
	case messageRequest:
		to = append(to, entries[0][1:]...) // an entry is the array of the time and the record
	case forwardRequest:
		to = append(msgp.AppendArrayHeader(to, uint32(len(entries))), joined...)
	case compressedRequest:
		to = msgp.AppendBytes(to, gzipped(joined))
	default:
		to = msgp.AppendBytes(to, joined)
	}
	options := [][2]string{}
	if chunk != "" {
		options = append(options, [2]string{forward.OptionChunk, chunk})
	}
	if mode == compressedRequest {
		options = append(options, [2]string{"compressed", "gzip"})
	}
	to = msgp.AppendMapHeader(to, uint32(len(options)+1))
	to = msgp.AppendInt(msgp.AppendString(to, "size"), len(entries))
	for _, option := range options {
		to = msgp.AppendString(msgp.AppendString(to, option[0]), option[1])
	}
	return to
}

func gzipped(content []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(content) // a bytes.Buffer takes everything
	_ = w.Close()
	return out.Bytes()
}

func (s *session) sendRequest(mode string, entries [][]byte, withChunk bool) {
	s.sent++
	s.raw(s.requestFrame(s.sent, mode, entries, withChunk).Append(nil))
}

// values takes what a server of Fluent Forward sends: a stream of values.
func (s *session) values(event wire.Event) {
	s.stream.Write(event.Payload)
	for {
		value, err := s.stream.Next()
		if err != nil {
			s.strange = append(s.strange, "what came is not MessagePack")
			s.traced("bytes that are not MessagePack")
			return
		}
		if value == nil {
			return
		}
		chunk, err := forward.ParseAck(value)
		if err != nil {
			s.greetings = append(s.greetings, bytes.Clone(value))
			s.traced(fmt.Sprintf("a value of %d bytes", len(value)))
			continue
		}
		s.traced(fmt.Sprintf(`{"ack":%q}`, shortened(chunk)))
		number, known := s.chunks[chunk]
		if !known {
			s.strange = append(s.strange, fmt.Sprintf("the chunk %q was not sent, or is confirmed already", shortened(chunk)))
			continue
		}
		s.signed = time.Now()
		delete(s.chunks, chunk)
		delete(s.open, number)
		s.confirmed = s.sent
		for open := range s.open {
			s.confirmed = min(s.confirmed, open-1)
		}
	}
}

// handshake is the one with a shared key. came says what the server sent.
func (s *session) handshake() (came, problem string) {
	value := func(what string) ([]byte, string) {
		problem := s.until(func() bool { return len(s.greetings) > 0 || len(s.strange) > 0 }, func() string { return "no " + what })
		if problem == "" && len(s.greetings) == 0 {
			problem = s.strange[0]
		}
		if problem != "" {
			return nil, problem
		}
		first := s.greetings[0]
		s.greetings = s.greetings[1:]
		return first, ""
	}
	raw, problem := value("HELO")
	if problem != "" {
		return "nothing", problem
	}
	helo, err := forward.ParseHelo(raw)
	if err != nil {
		return "a value that is not HELO", "the handshake begins with HELO: " + err.Error()
	}
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // it never fails
	salt = hex.AppendEncode(nil, salt)
	ping := forward.Ping{Hostname: hostname, Salt: salt, KeyDigest: forward.KeyDigest(salt, hostname, helo.Nonce, s.r.SharedKey)}
	if len(helo.Auth) > 0 {
		if s.r.Username == "" {
			return "HELO", "the server asks for a user and a password: use --user-file"
		}
		ping.Username, ping.PasswordDigest = s.r.Username, forward.PasswordDigest(helo.Auth, s.r.Username, s.r.Password)
	}
	if err := s.conn.Send(wire.Frame{Opcode: wire.Binary, Payload: forward.AppendPing(nil, ping)}); err != nil {
		return "HELO", err.Error()
	}
	raw, problem = value("PONG")
	if problem != "" {
		return "HELO", problem
	}
	pong, err := forward.ParsePong(raw)
	switch {
	case err != nil:
		return "HELO, and a value that is not PONG", "PING is answered with PONG: " + err.Error()
	case !pong.OK:
		return "HELO, PONG false", "the server refuses the handshake: " + shortened(pong.Reason)
	case pong.KeyDigest != forward.KeyDigest(salt, pong.Hostname, helo.Nonce, s.r.SharedKey):
		return "HELO, PONG true", "the digest in PONG is not that of the shared key"
	}
	s.trace = nil
	return "HELO, PONG true with the right digest", ""
}

func checkHandshake(r *run) Verdict {
	const sent = "PING with the digest of the shared key"
	conn, answer, err := r.dial(dialing{})
	if err != nil || conn == nil {
		return judge(sent, "nothing", "cannot connect")
	}
	s := newSession(r, conn, answer)
	defer s.close()
	came, problem := s.handshake()
	return judge(sent, came, problem)
}

func checkChunks(r *run) Verdict {
	const count = 10
	return r.with(fmt.Sprintf("%d requests with a chunk", count), func(s *session) string {
		s.sendAll(r.recordsOf(count))
		problem := s.await(count)
		if problem == "" {
			s.settle(settleTime)
		}
		if len(s.strange) > 0 {
			return s.strange[0]
		}
		return problem
	})
}

func checkForwardModes(r *run) Verdict {
	modes := []string{messageRequest, forwardRequest, packedRequest, compressedRequest}
	return r.with("a request of each mode: message, forward, packed, compressed", func(s *session) string {
		for i, mode := range modes {
			entries := [][]byte{r.record("").bytes}
			if mode != messageRequest {
				entries = append(entries, r.record("").bytes)
			}
			s.sendRequest(mode, entries, true)
			if problem := s.await(i + 1); problem != "" {
				return "mode " + mode + ": " + problem
			}
		}
		return ""
	})
}

func checkNoChunk(r *run) Verdict {
	return r.with("a request without a chunk, and one with it", func(s *session) string {
		s.sendRequest(packedRequest, [][]byte{r.record("").bytes}, false)
		s.sendRequest(packedRequest, [][]byte{r.record("").bytes}, true)
		if problem := s.await(2); problem != "" {
			return problem
		}
		s.settle(settleTime)
		if len(s.strange) > 0 {
			return s.strange[0]
		}
		return ""
	})
}
