// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"filebeat-websocket/protocol"
)

// commitScript is a Commit that a test decides over, call by call.
type commitScript struct {
	entered chan struct{}
	result  chan error
	open    chan struct{} // closed: all go well from then on
}

func newCommits() *commitScript {
	return &commitScript{entered: make(chan struct{}), result: make(chan error), open: make(chan struct{})}
}

func (c *commitScript) commit(ctx context.Context) error {
	select {
	case c.entered <- struct{}{}:
	case <-c.open:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-c.result:
		return err
	case <-c.open:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// messageCounter counts messages; wait blocks until there were as many.
type messageCounter struct {
	messages atomic.Int64
	seen     chan struct{}
}

func newConsumer() *messageCounter { return &messageCounter{seen: make(chan struct{}, 10_000)} }

func (c *messageCounter) consume(context.Context, *Message) error {
	c.messages.Add(1)
	c.seen <- struct{}{}
	return nil
}

func (c *messageCounter) wait(t testing.TB, messages int) {
	t.Helper()
	for range messages {
		take(t, c.seen)
	}
}

func TestNothingIsConfirmedBeforeTheCommitThatCoversIt(t *testing.T) {
	commits, consumer := newCommits(), newConsumer()
	_, url := start(t, funcSink{consumer.consume, commits.commit}, Options{})
	acks, pings := dial(t, url, protocol.Subprotocol), dial(t, url)
	pings.ping(t, "idle")
	require.Equal(t, "idle", take(t, pings.pongs), "there is nothing to commit")

	acks.frames(t, maskedFrame(textFrame, "{}"), maskedFrame(textFrame, "{}"))
	take(t, commits.entered)
	consumer.wait(t, 2)
	// These arrive while Commit runs: on both connections, and more than one each.
	acks.frames(t, maskedFrame(textFrame, "{}"), maskedFrame(pingFrame, "a"))
	pings.frames(t, maskedFrame(textFrame, "{}"), maskedFrame(pingFrame, "1"), maskedFrame(textFrame, "{}"), maskedFrame(pingFrame, "2"))
	consumer.wait(t, 3)
	require.Empty(t, acks.messages)
	require.Empty(t, pings.pongs)
	commits.result <- nil
	acks.replies(t, `{"ack":2}`)

	take(t, commits.entered)
	require.Empty(t, acks.messages)
	require.Empty(t, acks.pongs)
	require.Empty(t, pings.pongs, "what came while Commit ran is for the next")
	commits.result <- nil
	acks.replies(t, `{"ack":3}`)
	require.Equal(t, "a", take(t, acks.pongs))
	// The second connection may have asked for a Commit of its own.
	close(commits.open)
	require.Equal(t, "1", take(t, pings.pongs))
	require.Equal(t, "2", take(t, pings.pongs))
}

func TestAFailingCommitRefusesEverythingThatIsNotCommitted(t *testing.T) {
	full := &Refusal{Reason: "disk full", Cause: errors.New("/secret/place")}
	for name, test := range map[string]struct {
		err    error
		reason string
	}{
		"a Refusal":       {full, "disk full"},
		"any other error": {errors.New("/secret/place"), "could not be stored"},
	} {
		t.Run(name, func(t *testing.T) {
			commits, consumer := newCommits(), newConsumer()
			ended := make(chan End, 1)
			_, url := start(t, funcSink{func(ctx context.Context, m *Message) error {
				_ = consumer.consume(ctx, m)
				if m.Number == 2 {
					return &Refusal{Reason: "no"}
				}
				return nil
			}, commits.commit}, Options{Format: "json_lines", Observers: []Observer{{Closed: func(_ Peer, end End) { ended <- end }}}})
			c := dial(t, url, protocol.Subprotocol)
			c.frames(t, maskedFrame(textFrame, "{}"), maskedFrame(textFrame, "{}"), maskedFrame(textFrame, "{}\nx\n"), maskedFrame(pingFrame, "p"))
			c.replies(t, `{"nack":2,"reason":"no","retry":false}`)
			take(t, commits.entered)
			consumer.wait(t, 3)
			c.send(t, "{}") // consumed while Commit runs
			consumer.wait(t, 1)
			commits.result <- test.err
			c.replies(t,
				fmt.Sprintf(`{"nack":1,"reason":%q,"retry":true}`, test.reason),
				fmt.Sprintf(`{"nack":3,"reason":%q,"retry":true}`, test.reason),
				fmt.Sprintf(`{"nack":4,"reason":%q,"retry":true}`, test.reason))
			require.Equal(t, "p", take(t, c.pongs))
			close(commits.open)
			c.send(t, "{}")
			c.replies(t, `{"ack":5}`)
			require.NoError(t, c.Close())
			require.EqualValues(t, 4, take(t, ended).Refused)
		})
	}
	t.Run("what is in Consume just then, and what other connections hold", func(t *testing.T) {
		commits, consumer := newCommits(), newConsumer()
		inside, release := make(chan struct{}), make(chan struct{})
		_, url := start(t, funcSink{func(ctx context.Context, m *Message) error {
			if m.Number == 2 {
				inside <- struct{}{}
				<-release
			}
			return consumer.consume(ctx, m)
		}, commits.commit}, Options{})
		first, other := dial(t, url, protocol.Subprotocol), dial(t, url, protocol.Subprotocol)
		first.send(t, "{}")
		take(t, commits.entered)
		// The other one holds a message for which it has not asked for a Commit yet.
		other.frames(t, maskedFrame(textFrame, "{}"), maskedFrame(textFrame, "{}"))
		take(t, inside)
		commits.result <- full
		first.replies(t, `{"nack":1,"reason":"disk full","retry":true}`)
		other.replies(t, `{"nack":1,"reason":"disk full","retry":true}`)
		close(release)
		other.replies(t, `{"nack":2,"reason":"disk full","retry":true}`)
		close(commits.open)
		other.send(t, "{}")
		other.replies(t, `{"ack":3}`)
	})
	t.Run("single records are refused once the others are committed", func(t *testing.T) {
		commits, consumer := newCommits(), newConsumer()
		_, url := start(t, funcSink{consumer.consume, commits.commit}, Options{Format: "json_lines"})
		c := dial(t, url, protocol.Subprotocol)
		c.frames(t, maskedFrame(textFrame, "{}"), maskedFrame(textFrame, "{}\nx\n"), maskedFrame(textFrame, "{}"))
		take(t, commits.entered)
		require.Empty(t, c.messages)
		commits.result <- nil
		c.replies(t, `{"ack":1}`, `{"nack":2,"reason":"line 2: invalid JSON at byte 0","retry":false,"records":[1]}`, `{"ack":3}`)
	})
	for name, test := range map[string]struct {
		err  error
		want websocket.CloseError
	}{
		"without the subprotocol a Refusal is 1013":       {full, websocket.CloseError{Code: 1013, Text: "disk full"}},
		"without the subprotocol any other error is 1011": {errors.New("/secret/place"), websocket.CloseError{Code: 1011, Text: "messages could not be stored"}},
	} {
		t.Run(name, func(t *testing.T) {
			commits, consumer := newCommits(), newConsumer()
			_, url := start(t, funcSink{consumer.consume, commits.commit}, Options{})
			c := dial(t, url)
			c.frames(t, maskedFrame(textFrame, "{}"), maskedFrame(pingFrame, "1"))
			take(t, commits.entered)
			consumer.wait(t, 1)
			c.frames(t, maskedFrame(textFrame, "{}"), maskedFrame(pingFrame, "2"))
			consumer.wait(t, 1)
			commits.result <- test.err
			require.Equal(t, &test.want, take(t, c.ended))
			close(commits.open)
			require.Empty(t, c.pongs)
		})
	}
}

func TestWhatIsConsumedAndNotCommittedIsBounded(t *testing.T) {
	commits, consumer := newCommits(), newConsumer()
	const bound = 1000
	h, url := start(t, funcSink{consumer.consume, commits.commit}, Options{})
	h.intake.commits.MaxBytes = bound
	const messages = 100 // of 2+64 bytes each
	clients := []*testClient{dial(t, url, protocol.Subprotocol), dial(t, url, protocol.Subprotocol)}
	for _, c := range clients {
		c.frames(t, strings.Repeat(maskedFrame(textFrame, "{}"), messages))
	}
	// 16 messages go beyond the bound, and one more on the other connection.
	take(t, commits.entered)
	consumer.wait(t, 17)
	require.EqualValues(t, 17, consumer.messages.Load())
	close(commits.open)
	for _, c := range clients {
		for last := ""; last != fmt.Sprintf(`{"ack":%d}`, messages); {
			last = take(t, c.messages)
		}
	}
}

func TestShutdownCommitsAndConfirmsBeforeItCloses(t *testing.T) {
	t.Run("what was read", func(t *testing.T) {
		commits, consumer := newCommits(), newConsumer()
		h, url := start(t, funcSink{consumer.consume, commits.commit}, Options{})
		acks, pings := dial(t, url, protocol.Subprotocol), dial(t, url)
		acks.send(t, "{}")
		take(t, commits.entered)
		pings.frames(t, maskedFrame(textFrame, "{}"), maskedFrame(pingFrame, "1"))
		consumer.wait(t, 2)
		result := shutdown(t.Context(), t, h, url)
		require.Empty(t, acks.ended)
		commits.result <- nil
		take(t, commits.entered)
		commits.result <- nil
		for _, c := range []*testClient{acks, pings} {
			require.Equal(t, &websocket.CloseError{Code: 1001, Text: "shutting down"}, take(t, c.ended))
		}
		acks.replies(t, `{"ack":1}`)
		require.Equal(t, "1", take(t, pings.pongs))
		require.NoError(t, take(t, result))
	})
	t.Run("and gives up a Commit that never ends with its context", func(t *testing.T) {
		commits := newCommits()
		h, url := start(t, funcSink{new(memorySink).Consume, commits.commit}, Options{})
		c := dial(t, url, protocol.Subprotocol)
		c.send(t, "{}")
		take(t, commits.entered)
		ctx, cancel := context.WithCancel(t.Context())
		result := shutdown(ctx, t, h, url)
		cancel()
		require.ErrorIs(t, take(t, result), context.Canceled)
		require.Error(t, take(t, c.ended))
		require.Empty(t, c.messages)
	})
	t.Run("a client's Close frame is answered after the confirmations", func(t *testing.T) {
		commits, consumer := newCommits(), newConsumer()
		_, url := start(t, funcSink{consumer.consume, commits.commit}, Options{})
		c := dial(t, url, protocol.Subprotocol)
		c.send(t, "{}")
		take(t, commits.entered)
		require.NoError(t, c.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(1000, ""), time.Now().Add(time.Second)))
		commits.result <- nil
		c.replies(t, `{"ack":1}`)
		require.Equal(t, &websocket.CloseError{Code: 1000}, take(t, c.ended))
	})
}
