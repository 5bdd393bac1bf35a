// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"filebeat-websocket/protocol"
)

// fullSink refuses with a pause: single records, messages or commits.
type fullSink struct {
	consume, commit atomic.Pointer[Refusal]
}

func (s *fullSink) Consume(context.Context, *Message) error {
	if refusal := s.consume.Load(); refusal != nil {
		return refusal
	}
	return nil
}

func (s *fullSink) Commit(context.Context) error {
	if refusal := s.commit.Load(); refusal != nil {
		return refusal
	}
	return nil
}

func TestARefusalWithAPauseAsksForItAfterTheNack(t *testing.T) {
	const pause = `{"pause":"5s"}`
	for name, test := range map[string]struct {
		consume, commit *Refusal
		message         string
		replies         []string
	}{
		"of a message": {
			consume: &Refusal{Reason: "disk full", Retry: true, Pause: 5 * time.Second},
			replies: []string{`{"nack":1,"reason":"disk full","retry":true}`, pause},
		},
		"of some of its records": {
			consume: &Refusal{Reason: "disk full", Retry: true, Pause: 5 * time.Second, Records: []int{1}},
			replies: []string{`{"nack":1,"reason":"disk full","retry":true,"records":[1]}`, pause},
		},
		"of a commit": {
			commit:  &Refusal{Reason: "disk full", Retry: true, Pause: 5 * time.Second, Cause: errors.New("secret")},
			replies: []string{`{"nack":1,"reason":"disk full","retry":true}`, pause},
		},
		"but not of what may never be sent again": {
			consume: &Refusal{Reason: "no", Pause: 5 * time.Second},
			replies: []string{`{"nack":1,"reason":"no","retry":false}`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := &fullSink{}
			s.consume.Store(test.consume)
			s.commit.Store(test.commit)
			_, url := start(t, s, Options{})
			c := dial(t, url, protocol.Subprotocol)
			c.send(t, "{}{}")
			c.replies(t, test.replies...)
			s.consume.Store(nil)
			s.commit.Store(nil)
			c.send(t, "{}")
			c.replies(t, `{"ack":2}`)
		})
	}
	t.Run("and no client gets it that does not speak the subprotocol", func(t *testing.T) {
		s := &fullSink{}
		s.consume.Store(&Refusal{Reason: "disk full", Retry: true, Pause: 5 * time.Second})
		_, url := start(t, s, Options{})
		c := dial(t, url)
		c.send(t, "{}")
		require.Equal(t, &websocket.CloseError{Code: 1013, Text: "disk full"}, take(t, c.ended))
		require.Empty(t, c.messages)
	})
}
