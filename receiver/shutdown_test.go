// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"filebeat-websocket/protocol"
)

// shutdown runs Shutdown and returns when it has begun to refuse connections.
func shutdown(ctx context.Context, t *testing.T, h *Handler, url string) <-chan error {
	t.Helper()
	result := make(chan error, 1)
	go func() { result <- h.Shutdown(ctx) }()
	require.Eventually(t, func() bool {
		ws, res, err := websocket.DefaultDialer.DialContext(t.Context(), url, nil)
		if err == nil {
			_ = ws.Close()
			return false
		}
		return res != nil && res.StatusCode == http.StatusServiceUnavailable
	}, 5*time.Second, time.Millisecond)
	return result
}

func TestShutdown(t *testing.T) {
	goingAway := &websocket.CloseError{Code: 1001, Text: "shutting down"}
	t.Run("closes idle connections with 1001", func(t *testing.T) {
		ended := make(chan End, 2)
		h, url := start(t, new(memorySink), Options{Observers: []Observer{{Closed: func(_ Peer, end End) { ended <- end }}}})
		a, b := dial(t, url), dial(t, url)
		result := shutdown(t.Context(), t, h, url)
		require.Equal(t, goingAway, take(t, a.ended))
		require.Equal(t, goingAway, take(t, b.ended))
		require.NoError(t, take(t, result), "the client's library answers the Close frame, but does not disconnect")
		require.Equal(t, protocol.CloseGoingAway, take(t, ended).CloseCode)
		require.NoError(t, h.Shutdown(t.Context()), "once more")
	})
	t.Run("consumes and answers what has been read", func(t *testing.T) {
		entered, release := make(chan uint64), make(chan struct{})
		h, url := start(t, SinkFunc(func(_ context.Context, m *Message) error {
			entered <- m.Number
			<-release
			return nil
		}), Options{})
		c := dial(t, url)
		c.frames(t, maskedFrame(textFrame, "{}"), maskedFrame(pingFrame, "1"), maskedFrame(textFrame, "{}"), maskedFrame(pingFrame, "2"), maskedFrame(textFrame, `{"half`)[:9])
		require.EqualValues(t, 1, take(t, entered))
		result := shutdown(t.Context(), t, h, url)
		release <- struct{}{}
		require.EqualValues(t, 2, take(t, entered))
		release <- struct{}{}
		require.Equal(t, goingAway, take(t, c.ended))
		require.Equal(t, "1", take(t, c.pongs))
		require.Equal(t, "2", take(t, c.pongs))
		require.NoError(t, take(t, result))
	})
	t.Run("waits for the message under way", func(t *testing.T) {
		var s memorySink
		h, url := start(t, &s, Options{})
		c := dial(t, url)
		// The Pong tells that the first fragment has been read.
		c.frames(t, maskedFrame(textBegin, `{"a":`), maskedFrame(pingFrame, "read"))
		take(t, c.pongs)
		result := shutdown(t.Context(), t, h, url)
		c.frames(t, maskedFrame(textEnd, "1}"))
		require.Equal(t, goingAway, take(t, c.ended))
		require.Equal(t, []string{`{"a":1}`}, s.got())
		require.NoError(t, take(t, result))
	})
	t.Run("waits for a message of which half was read beside another", func(t *testing.T) {
		var s memorySink
		entered, release := make(chan struct{}, 2), make(chan struct{})
		h, url := start(t, SinkFunc(func(ctx context.Context, m *Message) error {
			entered <- struct{}{}
			<-release
			return s.Consume(ctx, m)
		}), Options{})
		c := dial(t, url)
		second := maskedFrame(textFrame, `{"n":2}`)
		c.frames(t, maskedFrame(textFrame, `{"n":1}`), second[:9])
		take(t, entered)
		result := shutdown(t.Context(), t, h, url)
		close(release)
		c.frames(t, second[9:])
		require.Equal(t, goingAway, take(t, c.ended))
		require.Equal(t, []string{`{"n":1}`, `{"n":2}`}, s.got())
		require.NoError(t, take(t, result))
	})
	t.Run("comes to an end with a client that never pauses", func(t *testing.T) {
		var s memorySink
		h, url := start(t, &s, Options{})
		c := dial(t, url)
		written := make(chan struct{})
		go func() {
			defer close(written)
			// A length that fits no buffer, so that there is always half a message.
			message, err := []byte(strings.Repeat("x", 999)), error(nil)
			for err == nil {
				err = c.WriteMessage(websocket.TextMessage, message)
			}
		}()
		require.Eventually(t, func() bool { return len(s.got()) > 100 }, 5*time.Second, time.Millisecond)
		result := shutdown(t.Context(), t, h, url)
		require.NoError(t, take(t, result))
		take(t, written)
		require.Equal(t, goingAway, take(t, c.ended))
	})
	t.Run("cuts what is left when its context ends", func(t *testing.T) {
		entered, consumeEnded := make(chan struct{}), make(chan error, 1)
		h, url := start(t, SinkFunc(func(ctx context.Context, _ *Message) error {
			close(entered)
			<-ctx.Done()
			consumeEnded <- ctx.Err()
			return ctx.Err()
		}), Options{})
		stuck, half := dial(t, url), dial(t, url)
		stuck.send(t, "{}")
		take(t, entered)
		half.frames(t, maskedFrame(textBegin, "{"), maskedFrame(pingFrame, "read"))
		take(t, half.pongs)
		ctx, cancel := context.WithCancel(t.Context())
		result := shutdown(ctx, t, h, url)
		cancel()
		err := take(t, result)
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorContains(t, err, "2 connections were cut")
		require.ErrorIs(t, take(t, consumeEnded), context.Canceled)
		require.Error(t, take(t, stuck.ended))
		require.Error(t, take(t, half.ended))
	})
}

func TestAHundredConnectionsAtOnce(t *testing.T) {
	const connections, messages = 100, 50
	var s memorySink
	h, url := start(t, &s, Options{})
	clients := make([]*testClient, connections)
	for i := range clients {
		clients[i] = dial(t, url)
	}
	var writers sync.WaitGroup
	errs := make(chan error, connections)
	for i, c := range clients {
		writers.Go(func() {
			for n := range messages {
				message := fmt.Sprintf(`{"conn":%d,"n":%d}{"conn":%d,"n":%d}`, i, 2*n, i, 2*n+1)
				if err := c.WriteMessage(websocket.TextMessage, []byte(message)); err != nil {
					errs <- err
					return
				}
			}
			errs <- c.WriteControl(websocket.PingMessage, []byte("done"), time.Now().Add(5*time.Second))
		})
	}
	writers.Wait()
	for range connections {
		require.NoError(t, take(t, errs))
	}
	for _, c := range clients {
		require.Equal(t, "done", take(t, c.pongs))
		require.NoError(t, c.Close())
	}
	require.NoError(t, h.Shutdown(t.Context()))
	next := map[int]int{}
	for _, line := range s.got() {
		var peer, n int
		_, err := fmt.Sscanf(line, `{"conn":%d,"n":%d}`, &peer, &n)
		require.NoError(t, err, line)
		require.Equal(t, next[peer], n, "records of a connection stay in order")
		next[peer]++
	}
	require.Len(t, next, connections)
	for _, n := range next {
		require.Equal(t, 2*messages, n)
	}
}
