// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package jetstream

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go"
	natsjetstream "github.com/nats-io/nats.go/jetstream"

	"filebeat-websocket/receiver"
	"filebeat-websocket/receiver/sink/internal/publish"
)

// maxSaidBytes bounds what of a server's text gets into a log.
const maxSaidBytes = 200

// judge returns why the stream does not have a record, nil if it has.
func (s *Sink) judge(reply *nats.Msg) *receiver.Refusal {
	if len(reply.Data) == 0 && reply.Header.Get("Status") == "503" {
		return retry("no stream takes the subject", errors.New("no responders: the stream is gone, or has no leader"))
	}
	if s.isAck(reply.Data) {
		return nil
	}
	var answer struct {
		Stream    string                  `json:"stream"`
		Sequence  uint64                  `json:"seq"`
		Duplicate bool                    `json:"duplicate"`
		Error     *natsjetstream.APIError `json:"error"`
	}
	switch err := json.Unmarshal(reply.Data, &answer); {
	case err != nil:
		return retry("the engine's answer is not an acknowledgement", err)
	case answer.Error != nil:
		return s.judgeError(answer.Error)
	case !slices.Contains(s.streams, answer.Stream):
		return retry("another stream than at the start takes the subject", fmt.Errorf("stream %q instead of %q", cut(answer.Stream), s.streams))
	case answer.Sequence == 0:
		return retry("the engine's answer is not an acknowledgement", errors.New("it has no sequence number"))
	}
	return nil
}

func (s *Sink) judgeError(said *natsjetstream.APIError) *receiver.Refusal {
	cause := fmt.Errorf("error %d: %s", said.ErrorCode, cut(said.Description))
	if said.ErrorCode == natsjetstream.JSErrCodeStreamMessageExceedsMaximum {
		return tooLong(cause)
	}
	return retry("the stream does not take records", cause)
}

func cut(text string) string { return text[:min(len(text), maxSaidBytes)] }

// isAck reads what nats-server usually writes, {"stream":"NAME","seq":1}, with a space before
// "seq" in old versions. All else is left to a parser.
func (s *Sink) isAck(data []byte) bool {
	rest, ok := bytes.CutPrefix(data, []byte(`{"stream":"`))
	if !ok {
		return false
	}
	stream, rest, ok := bytes.Cut(rest, []byte(`",`))
	if !ok || !slices.ContainsFunc(s.streams, func(name string) bool { return name == string(stream) }) {
		return false
	}
	rest, ok = bytes.CutPrefix(bytes.TrimPrefix(rest, []byte(" ")), []byte(`"seq":`))
	if !ok || len(rest) < len("1}") || rest[0] < '1' || rest[len(rest)-1] != '}' {
		return false
	}
	for _, c := range rest[:len(rest)-1] {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

func retry(reason string, cause error) *receiver.Refusal {
	return &receiver.Refusal{Reason: reason, Retry: true, Pause: publish.Pause, Cause: cause}
}

// tooLong refuses a record for good: the engine will never take it.
func tooLong(cause error) *receiver.Refusal {
	return &receiver.Refusal{Reason: "the record is longer than the engine takes", Cause: cause}
}

func awayRefusal(cause error) *receiver.Refusal {
	if cause == nil {
		cause = nats.ErrConnectionReconnecting
	}
	return retry("no connection to the engine", cause)
}

// away refuses a message because there is no connection.
func (s *Sink) away(cause error) *receiver.Refusal {
	refusal := awayRefusal(cause)
	s.window.Note(refusal)
	return refusal
}

// timeout is for records that were not answered in time.
func (s *Sink) timeout() *receiver.Refusal {
	s.mutex.Lock()
	cause := s.said
	s.mutex.Unlock()
	if cause == nil {
		cause = fmt.Errorf("no answer in %s", s.ackTimeout)
	}
	return retry("the engine does not answer", cause)
}

// disconnected refuses everything that is on its way: its acknowledgements are lost.
func (s *Sink) disconnected(_ *nats.Conn, err error) {
	refusal := s.away(err)
	s.landAll(all, func() *receiver.Refusal { return refusal })
}

func (s *Sink) reconnected(*nats.Conn) { s.window.Note(nil) }

// asyncError notes what the server says outside of answers, such as that the client may not
// publish to the subject.
func (s *Sink) asyncError(_ *nats.Conn, _ *nats.Subscription, err error) {
	s.mutex.Lock()
	s.said = err
	s.mutex.Unlock()
}
