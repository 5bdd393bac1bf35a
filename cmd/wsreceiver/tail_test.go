// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// stream follows the live tail and gives the data of its events to seen until
// that returns true.
func stream(t *testing.T, url, token string, seen func(name string, data []byte) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"tail/stream", nil)
	require.NoError(t, err)
	request.Header.Set("Accept", "text/event-stream")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	require.Equal(t, http.StatusOK, response.StatusCode)
	name := ""
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		if after, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			name = after
		}
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok && seen(name, []byte(data)) {
			return
		}
	}
	require.FailNow(t, "the stream ended", "%v", ctx.Err())
}

func TestTheLiveTailShowsRecordsAndAgents(t *testing.T) {
	p := begin(t, "--tail")
	url := p.log.url(t)
	page := p.log.find(t, `msg="live tail" url=(http://\S+/)`)[1]
	ws := deliver(t, url, `{"message":"hello","host":{"name":"web-1"}}`)
	stream(t, page, "", func(name string, data []byte) bool {
		return name == "rows" && strings.Contains(string(data), `"m":"hello"`)
	})
	stream(t, page, "", func(name string, data []byte) bool {
		var state struct {
			Site struct {
				Agents []struct {
					Addr, Host, Format string
					Confirmed, Records int64
				}
			}
		}
		if name != "state" {
			return false
		}
		require.NoError(t, json.Unmarshal(data, &state))
		require.Len(t, state.Site.Agents, 1)
		agent := state.Site.Agents[0]
		require.Equal(t, ws.LocalAddr().String(), agent.Addr)
		require.Equal(t, "web-1", agent.Host)
		require.Equal(t, "json", agent.Format)
		require.Equal(t, int64(1), agent.Records)
		require.NotZero(t, agent.Confirmed, "the Pong was one")
		return true
	})
	status, body := get(t, page)
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, body, "live tail")
	status, _ = get(t, page+"other")
	require.Equal(t, http.StatusNotFound, status)
	require.NoError(t, ws.Close())
	require.Equal(t, exitOK, p.stop())
}

func TestTheLiveTailIsOffUnlessWanted(t *testing.T) {
	p := begin(t)
	url := strings.Replace(strings.TrimSuffix(p.log.url(t), "ingest"), "ws", "http", 1)
	status, _ := get(t, url)
	require.Equal(t, http.StatusNotFound, status)
	require.Equal(t, exitOK, p.stop())
	require.NotContains(t, p.log.String(), "live tail")
}

func TestTheLiveTailWantsTheTokensOfTheReceiver(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tokens")
	require.NoError(t, os.WriteFile(file, []byte("secret\n"), 0o600))
	p := begin(t, "--tail", "--token-file", file)
	page := p.log.find(t, `msg="live tail" url=(http://\S+/)`)[1]
	status, body := get(t, page+"tail/stream")
	require.Equal(t, http.StatusUnauthorized, status)
	require.NotContains(t, body, "secret")
	_, body = get(t, page)
	require.Contains(t, body, "Sign in")
	stream(t, page, "secret", func(name string, _ []byte) bool { return name == "hello" })
	require.Equal(t, exitOK, p.stop())
}

func TestTheLiveTailAndTheRecordsNeedPathsOfTheirOwn(t *testing.T) {
	for _, path := range []string{"/", "/tail/x"} {
		code, _, stderr := runToEnd(t, "--tail", "--path", path)
		require.Equal(t, exitUsage, code)
		require.Contains(t, stderr, path+" is reserved for the live tail")
	}
}
