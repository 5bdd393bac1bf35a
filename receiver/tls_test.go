// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"context"
	"crypto/tls"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"filebeat-websocket/protocol"
	"filebeat-websocket/receiver/access"
	"filebeat-websocket/testing/beattest"
)

func TestATLSServerConfirmsWhatCameBeforeShutdown(t *testing.T) {
	ca := beattest.NewCA(t)
	certificate, key := beattest.WriteKeyPair(t, t.TempDir(), ca.Issue("127.0.0.1"), "")
	config, err := access.NewTLSConfig(access.TLSFiles{Certificate: certificate, Key: key})
	require.NoError(t, err)
	s := &memorySink{}
	h, err := New(s, Options{CloseTimeout: 100 * time.Millisecond})
	require.NoError(t, err)
	h.progressInterval = time.Hour
	server := httptest.NewUnstartedServer(h)
	server.Listener = tls.NewListener(server.Listener, config)
	server.Start()
	t.Cleanup(server.Close)
	url := "wss" + strings.TrimPrefix(server.URL, "http")
	dialer := websocket.Dialer{TLSClientConfig: &tls.Config{RootCAs: ca.Pool()}, Subprotocols: []string{protocol.Subprotocol}}
	ws, _, err := dialer.DialContext(t.Context(), url, nil)
	require.NoError(t, err)
	defer ws.Close() //nolint:errcheck // the test is over
	require.NoError(t, ws.WriteMessage(websocket.TextMessage, []byte(`{"n":1}`)))
	_, said, err := ws.ReadMessage()
	require.NoError(t, err)
	require.JSONEq(t, `{"ack":1}`, string(said))
	done := make(chan error, 1)
	go func() { done <- h.Shutdown(context.Background()) }()
	_, _, err = ws.ReadMessage()
	require.Equal(t, &websocket.CloseError{Code: 1001, Text: "shutting down"}, err)
	require.NoError(t, ws.Close())
	require.NoError(t, <-done)
	require.Equal(t, []string{`{"n":1}`}, s.got())
}
