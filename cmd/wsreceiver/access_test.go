// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/tls"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"filebeat-websocket/protocol"
	"filebeat-websocket/testing/beattest"
)

func exchange(t *testing.T, ws *websocket.Conn, message, reply string) {
	t.Helper()
	require.NoError(t, ws.SetReadDeadline(time.Now().Add(10*time.Second)))
	require.NoError(t, ws.WriteMessage(websocket.TextMessage, []byte(message)))
	_, got, err := ws.ReadMessage()
	require.NoError(t, err)
	require.Equal(t, reply, string(got))
}

// TestTheRealProgramWithLocksOnItsDoors has TLS, certificates of clients, tokens,
// metrics and compression at once, on all addresses.
func TestTheRealProgramWithLocksOnItsDoors(t *testing.T) {
	ca, folder := beattest.NewCA(t), t.TempDir()
	certificate, key := beattest.WriteKeyPair(t, folder, ca.Issue("127.0.0.1"), "")
	tokens := filepath.Join(folder, "tokens")
	require.NoError(t, os.WriteFile(tokens, []byte("# site A\nsecret-a\n"), 0o600))
	out := filepath.Join(folder, "out.ndjson")
	command, log := launch(t, build(t), "--listen", "0.0.0.0:0", "--out", out, "--metrics",
		"--tls-cert", certificate, "--tls-key", key, "--client-ca", ca.File, "--token-file", tokens)
	port := log.find(t, `listening url=wss://\S+:(\d+)/ingest`)[1]
	host := "127.0.0.1:" + port
	config := &tls.Config{RootCAs: ca.Pool(), Certificates: []tls.Certificate{*ca.Issue("192.0.2.1")}}
	dial := func(config *tls.Config, token string) (*websocket.Conn, *http.Response, error) {
		dialer := websocket.Dialer{TLSClientConfig: config, Subprotocols: []string{protocol.Subprotocol}, EnableCompression: true}
		return dialer.DialContext(t.Context(), "wss://"+host+"/ingest", http.Header{"Authorization": {"Bearer " + token}})
	}
	request := func(path, token string) (int, string) {
		transport := &http.Transport{TLSClientConfig: config.Clone(), ForceAttemptHTTP2: true}
		defer transport.CloseIdleConnections()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+host+path, nil)
		require.NoError(t, err)
		request.Header.Set("Authorization", "Bearer "+token)
		response, err := transport.RoundTrip(request)
		require.NoError(t, err)
		require.Equal(t, 1, response.ProtoMajor, "no HTTP/2")
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		return response.StatusCode, string(body)
	}

	_, _, err := dial(&tls.Config{RootCAs: ca.Pool()}, "secret-a")
	require.Error(t, err, "a client without a certificate")
	_, response, err := dial(config, "secret-b")
	require.ErrorIs(t, err, websocket.ErrBadHandshake)
	require.Equal(t, http.StatusUnauthorized, response.StatusCode)
	require.Equal(t, "Bearer", response.Header.Get("WWW-Authenticate"))

	ws, response, err := dial(config, "secret-a")
	require.NoError(t, err)
	require.Contains(t, response.Header.Get("Sec-Websocket-Extensions"), "permessage-deflate")
	ws.EnableWriteCompression(true)
	exchange(t, ws, `{"@metadata":{"_id":"1"},"agent":{"id":"x"},"n":1}`, `{"ack":1}`)
	exchange(t, ws, `{"@metadata":{"_id":"1"},"agent":{"id":"x"},"n":1}`, `{"ack":2}`)

	require.NoError(t, os.WriteFile(tokens, []byte("secret-b\n"), 0o600))
	_, response, err = dial(config, "secret-a")
	require.ErrorIs(t, err, websocket.ErrBadHandshake)
	require.Equal(t, http.StatusUnauthorized, response.StatusCode, "taken back")
	exchange(t, ws, `{"n":2}`, `{"ack":3}`) // who is in stays

	status, page := request("/metrics", "secret-b")
	require.Equal(t, http.StatusOK, status)
	for _, want := range []string{
		"wsreceiver_connections 1\n", "wsreceiver_messages_total 3\n", "wsreceiver_records_total 3\n", "wsreceiver_duplicate_records_total{reason=\"id\"} 1\n",
		`wsreceiver_requests_refused_total{status="401"} 2`, "wsreceiver_commit_seconds_count ", "wsreceiver_output_disk_free_bytes ", "process_open_fds ",
	} {
		require.Contains(t, page, want)
	}
	status, _ = request("/metrics", "secret-a")
	require.Equal(t, http.StatusUnauthorized, status)
	status, body := request("/healthz", "")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "ok", body)

	require.NoError(t, command.Process.Signal(syscall.SIGTERM))
	_, _, err = ws.ReadMessage()
	require.Equal(t, &websocket.CloseError{Code: 1001, Text: "shutting down"}, err)
	require.NoError(t, ws.Close())
	require.NoError(t, command.Wait(), "%s", log)
	content, err := os.ReadFile(out)
	require.NoError(t, err)
	require.Equal(t, "{\"@metadata\":{\"_id\":\"1\"},\"agent\":{\"id\":\"x\"},\"n\":1}\n{\"n\":2}\n", string(content))
	require.NotContains(t, log.String(), "secret")
	require.NotContains(t, log.String(), "level=WARN msg=\"anyone")
}

func TestTokensInTheClearAreWarnedOf(t *testing.T) {
	tokens := filepath.Join(t.TempDir(), "tokens")
	require.NoError(t, os.WriteFile(tokens, []byte("secret\n"), 0o600))
	p := begin(t, "--listen", "0.0.0.0:0", "--token-file", tokens)
	p.log.url(t)
	require.Equal(t, exitOK, p.stop())
	require.Regexp(t, `level=WARN msg="[^"]*sent unencrypted`, p.log.String())
}

func TestMetricsAreForThoseWhoAsk(t *testing.T) {
	p := begin(t, "--dedup", "0")
	url := p.log.url(t)
	status, _ := get(t, strings.Replace(strings.TrimSuffix(url, "/ingest"), "ws", "http", 1)+"/metrics")
	require.Equal(t, http.StatusNotFound, status)
	require.NoError(t, deliver(t, url, `{"@metadata":{"_id":"1"}}`, `{"@metadata":{"_id":"1"}}`).Close())
	require.Equal(t, exitOK, p.stop())
	require.Equal(t, 2, strings.Count(p.stdout.String(), "\n"), "no ids are remembered")
}
