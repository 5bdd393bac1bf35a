// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"filebeat-websocket/protocol"
	"filebeat-websocket/receiver"
	"filebeat-websocket/receiver/dedup"
	"filebeat-websocket/receiver/sink/file"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// page returns the lines of the metrics page that begin with prefix.
func page(t *testing.T, m *Metrics, prefix string) string {
	t.Helper()
	answer := httptest.NewRecorder()
	m.Handler().ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	require.Equal(t, http.StatusOK, answer.Code)
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	found := ""
	for line := range strings.Lines(string(body)) {
		if strings.HasPrefix(line, prefix) {
			found += line
		}
	}
	return found
}

// sinkOf is a Sink of two functions.
type sinkOf struct {
	consume func(context.Context, *receiver.Message) error
	commit  func(context.Context) error
}

func (s sinkOf) Consume(ctx context.Context, m *receiver.Message) error { return s.consume(ctx, m) }
func (s sinkOf) Commit(ctx context.Context) error                       { return s.commit(ctx) }

func TestAHandlersWorkIsCounted(t *testing.T) {
	name := filepath.Join(t.TempDir(), "out.ndjson")
	store, err := file.Open(name)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	said := error(nil)
	seen := dedup.New(10, sinkOf{
		consume: func(ctx context.Context, m *receiver.Message) error {
			if said != nil {
				return said
			}
			return store.Consume(ctx, m)
		},
		commit: store.Commit,
	})
	_, err = seen.Recall(t.Context(), func(visit func([]byte, time.Time) bool) error {
		visit([]byte(`{"@metadata":{"_id":"r"},"agent":{"id":"x"}}`), time.Now())
		return nil
	})
	require.NoError(t, err)
	opened, closed, refused := 0, make(chan receiver.End, 2), 0
	m := New()
	m.WatchDedup(seen)
	m.WatchOutput(name)
	handler, err := receiver.New(Count(m, seen), receiver.Options{
		MaxConnections: 1,
		Observers: []receiver.Observer{m.Observer(), {
			Opened:  func(receiver.Peer) { opened++ },
			Closed:  func(_ receiver.Peer, end receiver.End) { closed <- end },
			Refused: func(receiver.Peer, *receiver.Refusal) { refused++ },
		}},
	})
	require.NoError(t, err)
	server := httptest.NewServer(m.CountRequests(handler))
	t.Cleanup(server.Close)
	url := "ws" + strings.TrimPrefix(server.URL, "http")

	dialer := websocket.Dialer{Subprotocols: []string{protocol.Subprotocol}}
	ws, _, err := dialer.DialContext(t.Context(), url, nil)
	require.NoError(t, err)
	exchange := func(message, reply string) {
		t.Helper()
		require.NoError(t, ws.WriteMessage(websocket.TextMessage, []byte(message)))
		_, got, err := ws.ReadMessage()
		require.NoError(t, err)
		require.Equal(t, reply, string(got))
	}
	exchange(`{"@metadata":{"_id":"a"},"agent":{"id":"x"}}{"b":2}`, `{"ack":1}`)
	exchange(`{"@metadata":{"_id":"a"},"agent":{"id":"x"}}`, `{"ack":2}`)
	exchange(strings.Repeat(`{"@metadata":{"_id":"b"},"agent":{"id":"x"}}`, 2)+`{"@metadata":{"_id":"r"},"agent":{"id":"x"}}`, `{"ack":3}`)
	said = &receiver.Refusal{Reason: "disk full", Retry: true}
	exchange(`{}`, `{"nack":4,"reason":"disk full","retry":true}`)
	said = &receiver.Refusal{Reason: "no", Records: []int{1}}
	exchange(`{"c":3}{"d":4}`, `{"nack":5,"reason":"no","retry":false,"records":[1]}`)
	_, response, err := dialer.DialContext(t.Context(), url, nil)
	require.ErrorIs(t, err, websocket.ErrBadHandshake)
	require.Equal(t, http.StatusServiceUnavailable, response.StatusCode)

	require.InDelta(t, 1, testutil.ToFloat64(m.connections), 0)
	require.NoError(t, ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(3999, ""), time.Now().Add(time.Second)))
	require.NoError(t, ws.Close())
	require.Equal(t, protocol.CloseCode(3999), (<-closed).CloseCode)
	require.Equal(t, 1, opened)
	require.Equal(t, 2, refused)

	for _, want := range []string{
		"wsreceiver_connections 0\n",
		"wsreceiver_connections_opened_total 1\n",
		"wsreceiver_connections_closed_total{code=\"other\"} 1\n",
		"wsreceiver_messages_total 4\n",
		"wsreceiver_records_total 7\n",
		"wsreceiver_message_bytes_total 241\n",
		"wsreceiver_refusals_total{retry=\"false\"} 1\n",
		"wsreceiver_refusals_total{retry=\"true\"} 1\n",
		"wsreceiver_write_errors_total 1\n",
		"wsreceiver_duplicate_records_total{reason=\"id\"} 1\n",
		"wsreceiver_duplicate_records_total{reason=\"recalled\"} 1\n",
		"wsreceiver_duplicate_records_total{reason=\"message\"} 1\n",
		"wsreceiver_duplicate_records_total{reason=\"chunk\"} 0\n",
		"wsreceiver_dedup_ids 3\n",
		"wsreceiver_dedup_recalled_ids 1\n",
		"wsreceiver_commit_errors_total 0\n",
		"wsreceiver_requests_refused_total{status=\"503\"} 1\n",
	} {
		name, _, _ := strings.Cut(want, " ")
		require.Equal(t, want, page(t, m, name+" "))
	}
	require.NotEqual(t, "wsreceiver_commit_seconds_count 0\n", page(t, m, "wsreceiver_commit_seconds_count"))
	require.Contains(t, page(t, m, "go_goroutines"), "go_goroutines ")
	require.NotEmpty(t, page(t, m, "wsreceiver_output_disk_size_bytes "))
	require.NotEmpty(t, page(t, m, "wsreceiver_output_disk_free_bytes "))
	problems, err := testutil.GatherAndLint(m.registry)
	require.NoError(t, err)
	require.Empty(t, problems)
}

func TestFailuresAreCounted(t *testing.T) {
	broken := errors.New("broken")
	m := New()
	sink := Count(m, sinkOf{
		consume: func(context.Context, *receiver.Message) error { return broken },
		commit:  func(context.Context) error { return broken },
	})
	require.ErrorIs(t, sink.Consume(t.Context(), &receiver.Message{Records: make([][]byte, 2)}), broken)
	require.ErrorIs(t, sink.Commit(t.Context()), broken)
	require.InDelta(t, 1, testutil.ToFloat64(m.writeErrors), 0)
	require.InDelta(t, 1, testutil.ToFloat64(m.commitErrors), 0)
	require.Zero(t, testutil.ToFloat64(m.messages))
	require.Zero(t, testutil.ToFloat64(m.records))
}

func TestAnOutputThatIsGoneHasNoSpace(t *testing.T) {
	m := New()
	m.WatchOutput(filepath.Join(t.TempDir(), "none", "file"))
	require.Empty(t, page(t, m, "wsreceiver_output_disk"))
}

func TestCloseCodesAreFew(t *testing.T) {
	for code, want := range map[int]string{1000: "1000", 1014: "1014", 999: "other", 1015: "other", 4000: "other"} {
		require.Equal(t, want, codeLabel(protocol.CloseCode(code)))
	}
}
