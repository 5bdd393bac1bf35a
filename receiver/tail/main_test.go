// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package tail

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"filebeat-websocket/receiver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what has to happen.
const patience = 20 * time.Second

func newTail(t *testing.T, options Options) *Tail {
	t.Helper()
	live := New(options)
	t.Cleanup(func() { require.NoError(t, live.Shutdown(context.Background())) })
	return live
}

func serve(t *testing.T, live *Tail) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(live.Handler())
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server
}

func messageOf(records ...string) *receiver.Message {
	m := &receiver.Message{Peer: receiver.Peer{ID: 1, RemoteAddr: "192.0.2.7:4711"}, Format: "json_lines", Number: 1}
	for _, record := range records {
		m.Records = append(m.Records, []byte(record))
		m.Bytes += len(record)
	}
	return m
}

// streamClient reads a stream.
type streamClient struct {
	t      *testing.T
	lines  *bufio.Scanner
	cancel context.CancelFunc
}

func connect(t *testing.T, server *httptest.Server, parameters string, header ...string) *streamClient {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/tail/stream?"+parameters, nil)
	require.NoError(t, err)
	request.Header.Set("Accept", "text/event-stream")
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := server.Client().Do(request)
	require.NoError(t, err)
	t.Cleanup(func() { _ = response.Body.Close() })
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.Equal(t, "text/event-stream; charset=utf-8", response.Header.Get("Content-Type"))
	c := &streamClient{t: t, lines: bufio.NewScanner(response.Body), cancel: cancel}
	c.lines.Buffer(nil, 16<<20)
	return c
}

// next returns the next event, and no name at the end of the stream.
func (c *streamClient) next() (name string, data json.RawMessage) {
	for c.lines.Scan() {
		line := c.lines.Text()
		if after, ok := strings.CutPrefix(line, "event: "); ok {
			name = after
		}
		if after, ok := strings.CutPrefix(line, "data: "); ok {
			return name, json.RawMessage(after)
		}
	}
	return "", nil
}

// until decodes the next event of that name.
func (c *streamClient) until(name string, value any) {
	c.t.Helper()
	for {
		got, data := c.next()
		require.NotEmpty(c.t, got, "the stream ended before %s", name)
		if got == name {
			require.NoError(c.t, json.Unmarshal(data, value))
			return
		}
	}
}

// rows reads until there are so many rows.
func (c *streamClient) rows(count int) (all []row) {
	c.t.Helper()
	for len(all) < count {
		var some []row
		c.until("rows", &some)
		all = append(all, some...)
	}
	require.Len(c.t, all, count)
	return all
}

type told struct {
	Site siteState
	Own  viewerCounts
}
