// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"filebeat-websocket/protocol"
)

func TestAnOldConnectionIsClosedAfterWhatWasReadIsConfirmed(t *testing.T) {
	const age = 400 * time.Millisecond
	var s memorySink
	_, url := start(t, &s, Options{MaxConnectionAge: age})
	begun := time.Now()
	c := dial(t, url, protocol.Subprotocol)
	sent := 0
	for open := true; open; {
		select {
		case err := <-c.ended:
			require.Equal(t, &websocket.CloseError{Code: 1001, Text: tooOld}, err)
			open = false
		case <-time.After(time.Millisecond):
			if c.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `{"n":%d}`, sent+1)) == nil {
				sent++
			}
		}
	}
	require.GreaterOrEqual(t, time.Since(begun), age/2)
	// What is confirmed is what was taken; the rest is for the next connection.
	last := 0
	for len(c.messages) > 0 {
		reply, err := protocol.ParseReply([]byte(<-c.messages))
		require.NoError(t, err)
		last = int(reply.Ack)
	}
	require.Len(t, s.got(), last)
	require.LessOrEqual(t, last, sent)
	require.NotZero(t, last)
}

func TestOldConnectionsDoNotEndTogether(t *testing.T) {
	const connections, age = 40, time.Second
	_, url := start(t, new(memorySink), Options{MaxConnectionAge: age})
	ended := make(chan time.Duration, connections)
	for range connections {
		c := dial(t, url)
		begun := time.Now()
		go func() {
			<-c.ended //nolint:errcheck // that it ends is all that counts
			ended <- time.Since(begun)
		}()
	}
	early, late := 0, 0
	for range connections {
		after := take(t, ended)
		require.GreaterOrEqual(t, after, age/2)
		if after < age*3/4 {
			early++
		} else {
			late++
		}
	}
	require.Greater(t, early, connections/8)
	require.Greater(t, late, connections/8)
}

func TestRetireClosesTheConnectionsThatThereAreAndTakesNewOnes(t *testing.T) {
	h, url := start(t, new(memorySink), Options{})
	old := dial(t, url)
	old.ping(t, "1")
	require.Equal(t, "1", take(t, old.pongs))
	h.Retire(100 * time.Millisecond)
	require.Equal(t, &websocket.CloseError{Code: 1001, Text: shuttingDown}, take(t, old.ended))
	later := dial(t, url)
	later.ping(t, "2")
	require.Equal(t, "2", take(t, later.pongs))
	require.NoError(t, h.Shutdown(t.Context()))
	require.Equal(t, &websocket.CloseError{Code: 1001, Text: shuttingDown}, take(t, later.ended))
	_, res, err := websocket.DefaultDialer.DialContext(t.Context(), url, nil)
	require.Error(t, err)
	require.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
}
