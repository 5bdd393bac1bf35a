// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package file

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"filebeat-websocket/protocol"
	"filebeat-websocket/receiver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// connect serves a Handler before the sink until the test ends, and is a client
// of it.
func connect(t testing.TB, sink receiver.Sink, subprotocols ...string) *websocket.Conn {
	t.Helper()
	handler, err := receiver.New(sink, receiver.Options{CloseTimeout: 100 * time.Millisecond})
	require.NoError(t, err)
	server := httptest.NewServer(handler)
	dialer := websocket.Dialer{Subprotocols: subprotocols}
	ws, res, err := dialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(server.URL, "http"), nil)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = ws.Close()
		_ = handler.Shutdown(ctx)
		server.Close()
	})
	return ws
}

func send(t testing.TB, ws *websocket.Conn, message string) {
	t.Helper()
	require.NoError(t, ws.WriteMessage(websocket.TextMessage, []byte(message)))
}

// reply waits for an ack or nack.
func reply(t testing.TB, ws *websocket.Conn) string {
	t.Helper()
	require.NoError(t, ws.SetReadDeadline(time.Now().Add(5*time.Second)))
	for {
		_, text, err := ws.ReadMessage()
		require.NoError(t, err)
		parsed, err := protocol.ParseReply(text)
		require.NoError(t, err)
		if !parsed.Progress {
			return string(text)
		}
	}
}
