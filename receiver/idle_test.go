// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"filebeat-websocket/protocol"
)

// dialSilent returns a client that answers no Ping, and a channel of those it gets.
func dialSilent(t *testing.T, url string) (*testClient, <-chan struct{}) {
	t.Helper()
	ws, res, err := websocket.DefaultDialer.DialContext(t.Context(), url, nil)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	pings := make(chan struct{}, 1000)
	ws.SetPingHandler(func(string) error {
		pings <- struct{}{}
		return nil
	})
	return receive(t, ws), pings
}

func TestASilentClientGetsAPingAndThenHasToGo(t *testing.T) {
	h, url := start(t, new(memorySink), Options{})
	h.idleTimeout = 400 * time.Millisecond // a busy machine answers later
	silent, pings := dialSilent(t, url)
	answering := dial(t, url, protocol.Subprotocol)
	take(t, pings)
	require.Equal(t, &websocket.CloseError{Code: 1001, Text: "no answer to a ping"}, take(t, silent.ended))
	another, _ := dialSilent(t, url)
	require.Error(t, take(t, another.ended))
	require.NoError(t, answering.WriteMessage(websocket.TextMessage, []byte("1")), "an answer is enough")
	require.Equal(t, `{"ack":1}`, take(t, answering.messages))
}

func TestAClientThatHasToWaitIsNotSilent(t *testing.T) {
	release := make(chan struct{})
	h, url := start(t, SinkFunc(func(context.Context, *Message) error {
		<-release
		return nil
	}), Options{})
	h.idleTimeout = 200 * time.Millisecond
	c := dial(t, url, protocol.Subprotocol)
	require.NoError(t, c.WriteMessage(websocket.TextMessage, []byte("1")))
	other, _ := dialSilent(t, url)
	require.Error(t, take(t, other.ended)) // meanwhile
	close(release)
	require.Equal(t, `{"ack":1}`, take(t, c.messages))
}

func TestTheOldestIdleClientGivesWay(t *testing.T) {
	opened := make(chan Peer, 100)
	h, url := start(t, new(memorySink), Options{MaxConnections: 3, Observers: []Observer{{Opened: func(p Peer) { opened <- p }}}})
	h.idleTimeout = 6 * time.Second
	used := dial(t, url, protocol.Subprotocol)
	take(t, opened)
	older := dial(t, url)
	take(t, opened)
	newer := dial(t, url)
	take(t, opened)
	require.NoError(t, used.WriteMessage(websocket.TextMessage, []byte("1")))
	require.Equal(t, `{"ack":1}`, take(t, used.messages))
	_, res, err := websocket.DefaultDialer.DialContext(t.Context(), url, nil)
	require.Error(t, err, "nobody has been idle for long")
	require.Equal(t, http.StatusServiceUnavailable, res.StatusCode)

	for _, one := range []*testClient{older, newer} {
		require.Eventually(t, func() bool {
			ws, res, err := websocket.DefaultDialer.DialContext(t.Context(), url, nil)
			if err != nil {
				return false
			}
			receive(t, ws)
			return res.Body.Close() == nil
		}, 5*time.Second, time.Millisecond)
		require.Equal(t, &websocket.CloseError{Code: 1013, Text: "idle, and its place is needed"}, take(t, one.ended))
	}
	require.NoError(t, used.WriteMessage(websocket.TextMessage, []byte("2")))
	require.Equal(t, `{"ack":2}`, take(t, used.messages), "who was of use stays longest")
}
