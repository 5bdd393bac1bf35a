// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"filebeat-websocket/protocol"
)

// lateSink loses the records whose content names a refusal, and tells so in Commit.
type lateSink struct {
	commits *commitScript
	lost    chan func()
}

var lateRefusalsOf = map[string]*Refusal{
	`{"x":"retry"}`: {Reason: "engine away", Retry: true, Pause: 2 * time.Second, Cause: errors.New("/secret/place")},
	`{"x":"long"}`:  {Reason: "too long"},
}

func newLateSink() *lateSink { return &lateSink{newCommits(), make(chan func(), 100)} }

func (s *lateSink) Consume(_ context.Context, m *Message) error {
	for i, record := range m.Records {
		if refusal := lateRefusalsOf[string(record)]; refusal != nil {
			one := *refusal
			one.Records = []int{i}
			number, late := m.Number, m.Late
			s.lost <- func() { late.RefuseLate(number, &one) }
		}
	}
	return nil
}

func (s *lateSink) Commit(ctx context.Context) error {
	for len(s.lost) > 0 {
		(<-s.lost)()
	}
	return s.commits.commit(ctx)
}

func TestOnlyWhatIsRefusedLateIsRefused(t *testing.T) {
	const long, retry, pause = `,"reason":"too long","retry":false,"records":`, `,"reason":"engine away","retry":true,"records":`, `{"pause":"2s"}`
	for name, test := range map[string]struct{ messages, replies []string }{
		"nothing":                       {[]string{`[{"a":1}]`, `[{"a":2}]`}, []string{`{"ack":3}`}},
		"a message among others":        {[]string{`[{"a":1}]`, `[{"x":"retry"}]`, `[{"a":3}]`, `[{"a":4}]`}, []string{`{"ack":2}`, `{"nack":3` + retry + `[0]}`, `{"ack":5}`, pause}},
		"the first and the last":        {[]string{`[{"x":"long"}]`, `[{"a":2}]`, `[{"x":"long"}]`}, []string{`{"nack":2` + long + `[0]}`, `{"ack":3}`, `{"nack":4` + long + `[0]}`}},
		"all of them":                   {[]string{`[{"x":"long"}]`, `[{"x":"long"}]`}, []string{`{"nack":2` + long + `[0]}`, `{"nack":3` + long + `[0]}`}},
		"records of a message":          {[]string{`[{},{"x":"long"},{},{"x":"long"}]`, `[{"a":1}]`}, []string{`{"nack":2` + long + `[1,3]}`, `{"ack":3}`}},
		"for two reasons":               {[]string{`[{"x":"long"},{},{"x":"retry"}]`, `[{"a":1}]`}, []string{`{"nack":2` + retry + `[0,2]}`, `{"ack":3}`, pause}},
		"beside what could not be read": {[]string{"{}\n?\n{\"x\":\"retry\"}\n{}"}, []string{`{"nack":2` + retry + `[1,2]}`, pause}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newLateSink()
			o, first := Options{}, "[]"
			if name == "beside what could not be read" {
				o.Format, first = "json_lines", "{}"
			}
			refused := make(chan *Refusal, 10)
			o.Observers = []Observer{{Refused: func(_ Peer, r *Refusal) { refused <- r }}}
			_, url := start(t, s, o)
			c := dial(t, url, protocol.Subprotocol)
			c.send(t, first)
			take(t, s.commits.entered) // what follows is for one Commit
			var frames []string
			for _, m := range test.messages {
				frames = append(frames, maskedFrame(textFrame, m))
			}
			c.frames(t, frames...)
			s.commits.result <- nil
			c.replies(t, `{"ack":1}`)
			close(s.commits.open)
			c.replies(t, test.replies...)
			if len(test.replies) > 1 {
				require.NotNil(t, take(t, refused)) // observers hear of it after the client
			} else {
				require.Empty(t, refused)
			}
			c.send(t, first)
			c.replies(t, fmt.Sprintf(`{"ack":%d}`, 2+len(test.messages)))
		})
	}
}

func TestWithoutAcksALateRefusalEndsTheConnection(t *testing.T) {
	for record, code := range map[string]int{`{"x":"long"}`: 1007, `{"x":"retry"}`: 1013} {
		s := newLateSink()
		_, url := start(t, s, Options{})
		c := dial(t, url)
		c.frames(t, maskedFrame(textFrame, "[{}]"), maskedFrame(pingFrame, "before"))
		take(t, s.commits.entered)
		c.frames(t, maskedFrame(textFrame, "["+record+"]"), maskedFrame(pingFrame, "after"))
		s.commits.result <- nil
		close(s.commits.open)
		require.Equal(t, "before", take(t, c.pongs))
		var end *websocket.CloseError
		require.ErrorAs(t, take(t, c.ended), &end)
		require.Equal(t, code, end.Code)
		require.NotContains(t, end.Text, "secret")
		require.Empty(t, c.pongs)
	}
}

// TestALateRefusalOfAClient is what listeners of other kinds see.
func TestALateRefusalOfAClient(t *testing.T) {
	s := newLateSink()
	close(s.commits.open)
	in, err := NewIntake(s, IntakeOptions{})
	require.NoError(t, err)
	c, err := in.Join(t.Context(), "192.0.2.7:1")
	require.NoError(t, err)
	outcome := c.Store(t.Context(), &Message{Records: [][]byte{[]byte("1"), []byte(`{"x":"long"}`)}})
	require.Equal(t, 1, outcome.Count)
	require.Equal(t, "too long", outcome.Refusal.Reason)
	require.Equal(t, []int{1}, outcome.Refusal.Records)
	require.False(t, outcome.Refusal.Retry)
	require.NoError(t, c.Store(t.Context(), &Message{Records: [][]byte{[]byte("1")}}).Reason())
	c.Leave(nil)
	in.Shutdown(t.Context())
}
