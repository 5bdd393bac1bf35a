// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"filebeat-websocket/protocol"
)

// shipAs sends messages as the client with that token, and waits until all of them
// are acked.
func shipAs(t *testing.T, url, token string, messages ...string) {
	t.Helper()
	dialer := websocket.Dialer{Subprotocols: []string{protocol.Subprotocol}}
	ws, res, err := dialer.DialContext(t.Context(), url, http.Header{"Authorization": {"Bearer " + token}})
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	for _, message := range messages {
		require.NoError(t, ws.WriteMessage(websocket.TextMessage, []byte(message)))
	}
	for acked := uint64(0); acked < uint64(len(messages)); {
		_, text, err := ws.ReadMessage()
		require.NoError(t, err)
		reply, err := protocol.ParseReply(text)
		require.NoError(t, err)
		require.Zero(t, reply.Nack)
		acked = max(acked, reply.Ack)
	}
	require.NoError(t, ws.Close())
}

func TestOnlyWhatASenderSendsAgainIsLeftOut(t *testing.T) {
	folder := t.TempDir()
	tokens, out := filepath.Join(folder, "tokens"), filepath.Join(folder, "out.ndjson")
	require.NoError(t, os.WriteFile(tokens, []byte("one\ntwo\n"), 0o600))
	p := begin(t, "--token-file", tokens, "--out", out, "--metrics")
	url := p.log.url(t)

	var lines, overwritten []string
	for n := range 5 {
		// What a log has in it goes out as it stands with raw, and as a Beat's own
		// metadata with the ndjson parser and overwrite_keys.
		lines = append(lines, fmt.Sprintf(`{"@metadata":{"_id":"1"},"n":%d}`, n))
		overwritten = append(overwritten, fmt.Sprintf(`{"@timestamp":"2021-02-05T22:17:09.123Z","@metadata":{"beat":"filebeat","_id":"1"},"agent":{"id":"x"},"log":{"offset":%d}}`, n))
	}
	shipAs(t, url, "one", slices.Concat(lines, lines[:1], overwritten)...)
	p.log.find(t, `connection ended.* records=11 duplicates=0 `)
	shipAs(t, url, "two", overwritten...)
	shipAs(t, url, "one", strings.Join(overwritten, "\n")+"\n", lines[0])
	p.log.find(t, `connection ended.* records=6 duplicates=5 `)
	require.NotContains(t, p.log.String(), "one", "no token in the log")

	content, err := os.ReadFile(out)
	require.NoError(t, err)
	want := slices.Concat(lines, lines[:1], overwritten, overwritten, lines[:1])
	require.Equal(t, strings.Join(want, "\n")+"\n", string(content))

	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, strings.Replace(strings.TrimSuffix(url, "/ingest"), "ws", "http", 1)+"/metrics", nil)
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer one")
	res, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	page := new(strings.Builder)
	require.NoError(t, res.Write(page))
	require.NoError(t, res.Body.Close())
	require.Contains(t, page.String(), "wsreceiver_duplicate_records_total{reason=\"id\"} 5\n")
	http.DefaultClient.CloseIdleConnections()
	require.Equal(t, exitOK, p.stop())
}
