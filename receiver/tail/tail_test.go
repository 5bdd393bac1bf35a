// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package tail

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/protocol"
	"filebeat-websocket/receiver"
)

func TestAViewerGetsWhatWasThereAndWhatComes(t *testing.T) {
	live := newTail(t, Options{})
	server := serve(t, live)
	live.Observe(messageOf(`{"message":"before"}`))
	require.Eventually(t, func() bool { return len(live.excerpts) == 0 }, patience, time.Millisecond)
	c := connect(t, server, "")
	var hello welcome
	c.until("hello", &hello)
	require.Equal(t, live.boot, hello.Boot)
	require.False(t, hello.SignedIn)
	require.Equal(t, "before", c.rows(1)[0].Message)
	live.Observe(messageOf(`{"message":"one"}`, `{"message":"two"}`))
	rows := c.rows(2)
	require.Equal(t, "one", rows[0].Message)
	require.Equal(t, "two", rows[1].Message)
	require.Equal(t, rows[0].Number+1, rows[1].Number)
	require.Equal(t, "192.0.2.7", rows[0].Host, "without a name it is the agent's address")
	require.Equal(t, "192.0.2.7:4711", rows[0].Addr)
	require.Equal(t, `{"message":"one"}`, rows[0].Raw)
}

func TestTheFiltersWorkOnTheStream(t *testing.T) {
	live := newTail(t, Options{})
	server := serve(t, live)
	c := connect(t, server, "q=Pay&level=error,warn&host=web-1")
	live.Observe(messageOf(
		`{"message":"payment failed","log":{"level":"error"},"host":{"name":"web-1"}}`,
		`{"message":"payment failed","log":{"level":"error"},"host":{"name":"web-2"}}`,
		`{"message":"payment made","log":{"level":"info"},"host":{"name":"web-1"}}`,
		`{"message":"order failed","log":{"level":"error"},"host":{"name":"web-1"}}`,
		`{"message":"order slow","topic":"PAYMENT","log":{"level":"warn"},"host":{"name":"web-1"}}`,
	))
	rows := c.rows(2)
	require.Equal(t, "payment failed", rows[0].Message)
	require.Equal(t, "order slow", rows[1].Message)
	var state told
	c.until("state", &state)
	require.Equal(t, viewerCounts{Matched: 2, Shown: 2}, state.Own)
	require.Equal(t, []string{"web-1", "web-2"}, state.Site.Hosts)
}

func TestAQueryThatIsWrongIsRefusedWithTheReason(t *testing.T) {
	live := newTail(t, Options{})
	server := serve(t, live)
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		status, body := ask(t, server, method, url.Values{"q": {"/(/"}})
		require.Equal(t, http.StatusBadRequest, status)
		require.Contains(t, body, "missing closing )")
	}
	status, _ := ask(t, server, http.MethodPost, url.Values{"q": {strings.Repeat("x", maxQueryBytes)}})
	require.Equal(t, http.StatusBadRequest, status)
	require.Zero(t, live.watching.Load())
}

func ask(t *testing.T, server *httptest.Server, method string, query url.Values) (status int, body string) {
	t.Helper()
	target, form := server.URL+"/tail/stream", query.Encode()
	if method == http.MethodGet {
		target, form = target+"?"+form, ""
	}
	request, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(form))
	require.NoError(t, err)
	request.Header.Set("Accept", "text/event-stream")
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := server.Client().Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(text)
}

func TestRecordsAroundAHitAreThoseOfItsFile(t *testing.T) {
	live := newTail(t, Options{})
	server := serve(t, live)
	line := func(file, message string) string {
		return fmt.Sprintf(`{"message":%q,"log":{"file":{"path":%q}}}`, message, file)
	}
	m := messageOf(line("a", "a1"), line("b", "b1"), line("a", "a2"), line("a", "a3"), line("b", "b2"), line("a", "hit"),
		line("b", "b3"), line("a", "a4"), line("a", "a5"), line("a", "a6"))
	live.Observe(m)
	require.Eventually(t, func() bool { return live.waiting.Load() == 0 }, patience, time.Millisecond)
	c := connect(t, server, "q=hit&context=2")
	var order []string
	for len(order) < 5 {
		name, data := c.next()
		if name == "rows" || name == "context" {
			var some []row
			require.NoError(t, json.Unmarshal(data, &some))
			for _, one := range some {
				order = append(order, name+" "+one.Message)
			}
		}
	}
	require.Equal(t, []string{"context a2", "context a3", "rows hit", "context a4", "context a5"}, order, "what was there")

	v := newViewer(query{text: []byte("hit"), around: 2}, DefaultRowsPerSecond)
	for _, record := range m.Records {
		v.offer(parse(record, false, m.Peer, time.Now()))
	}
	var b bytes.Buffer
	v.take(t.Context(), &b)
	require.Equal(t, 3, strings.Count(b.String(), "event: "), "context, the hit, context")
	require.Equal(t, viewerCounts{Matched: 1, Shown: 1}, v.counts)

	near := surroundings{lines: maxContext}
	long := parse([]byte(`{"message":"`+strings.Repeat("m", 9000)+`"}`), false, m.Peer, time.Now())
	for i := range 10_000 {
		one := shownRecord{row: row{File: fmt.Sprint(i % 300)}, raw: long.raw}
		require.Empty(t, near.pass(&one, false))
		require.LessOrEqual(t, len(near.files), maxContextFiles)
		require.LessOrEqual(t, near.bytes, maxContextBytes+len(long.raw))
	}
}

func TestRatesAreToldByLevel(t *testing.T) {
	live := newTail(t, Options{})
	server := serve(t, live)
	c := connect(t, server, "")
	var state told
	c.until("state", &state)
	live.Observe(messageOf(`{"level":"error"}`, `{"level":"info"}`, `{"level":"info"}`, `{"level":"info"}`))
	for state.Site.Events == 0 {
		c.until("state", &state)
	}
	levels := state.Site.Levels
	require.InDelta(t, state.Site.Events, levels[levelError]+levels[levelInfo], 0.2)
	require.InDelta(t, 3*levels[levelError], levels[levelInfo], 0.3)
	require.Equal(t, levelNames[:], func() []string {
		var hello welcome
		connect(t, server, "").until("hello", &hello)
		require.NotEmpty(t, hello.History)
		require.Equal(t, levels, hello.History[len(hello.History)-1])
		return hello.Levels
	}())
}

func TestAFloodIsSampledAndCounted(t *testing.T) {
	live := newTail(t, Options{RowsPerSecond: 50})
	server := serve(t, live)
	c := connect(t, server, "")
	var hello welcome
	c.until("hello", &hello)
	records := make([]string, 1500)
	for i := range records {
		records[i] = fmt.Sprintf(`{"message":"line %d"}`, i)
	}
	live.Observe(messageOf(records...))
	var state told
	rows, missing := 0, uint64(0)
	for state.Own.Matched+state.Site.Unread < 1500 {
		switch name, data := c.next(); name {
		case "rows":
			var some []row
			require.NoError(t, json.Unmarshal(data, &some))
			rows += len(some)
		case "gap":
			var here gap
			require.NoError(t, json.Unmarshal(data, &here))
			require.GreaterOrEqual(t, here.After, uint64(rows))
			missing += here.Left + here.Unread
		case "state":
			require.NoError(t, json.Unmarshal(data, &state))
		}
	}
	require.Equal(t, uint64(1500), uint64(rows)+missing, "what is missing is said in its place")
	require.Equal(t, uint64(1500), state.Site.TotalEvents)
	require.Equal(t, uint64(1500), state.Own.Matched+state.Site.Unread)
	require.GreaterOrEqual(t, state.Own.Shown, uint64(50))
	require.Less(t, state.Own.Shown, uint64(150))
}

func TestWithoutAViewerFewRecordsAreCopied(t *testing.T) {
	live := newTail(t, Options{})
	records := make([]string, 1000)
	for i := range records {
		records[i] = `{}`
	}
	for range 100 {
		live.Observe(messageOf(records...))
	}
	require.Greater(t, live.leftOut.Load(), uint64(90_000))
	require.Equal(t, uint64(100_000), live.records.Load())
}

func TestWhatWaitsIsBounded(t *testing.T) {
	live := New(Options{})
	require.NoError(t, live.Shutdown(t.Context())) // nobody takes the excerpts any more
	long := `"` + strings.Repeat("x", 2*maxRecordBytes) + `"`
	for range 1000 {
		live.quota.Store(quotaWatched)
		live.Observe(messageOf(long, long, long, long, long, long))
	}
	require.LessOrEqual(t, live.waiting.Load(), int64(maxWaitingExcerptBytes+maxExcerptBytes))
	waiting := 0
	for len(live.excerpts) > 0 {
		c := <-live.excerpts
		waiting += cap(c.data)
		require.LessOrEqual(t, len(c.data), maxExcerptBytes)
		require.Len(t, c.parts, 4)
		require.True(t, c.parts[0].cut)
	}
	require.LessOrEqual(t, waiting, 10<<20)
}

func TestASlowViewerLosesRowsAndNobodyElse(t *testing.T) {
	v := newViewer(query{}, DefaultRowsPerSecond)
	r := parse([]byte(`{"message":"`+strings.Repeat("m", 9000)+`"}`), false, receiver.Peer{}, time.Now())
	for range 100 {
		v.tick(0)
		for range 50 {
			v.offer(r)
		}
	}
	require.LessOrEqual(t, len(v.waiting), maxWaitingRecords)
	require.LessOrEqual(t, v.bytes, maxWaitingBytes)
	var b bytes.Buffer
	v.take(t.Context(), &b)
	require.Equal(t, uint64(5000), v.counts.Matched+v.counts.Skipped)
	require.NotZero(t, v.counts.Skipped)
	require.Equal(t, uint64(DefaultRowsPerSecond), v.counts.Shown)
	require.Less(t, b.Len(), maxRowBytes+1000)
}

func TestViewersAreLimited(t *testing.T) {
	live := newTail(t, Options{MaxViewers: 2})
	server := serve(t, live)
	var hello welcome
	first := connect(t, server, "")
	first.until("hello", &hello)
	second := connect(t, server, "")
	second.until("hello", &hello)
	third := func() int { return get(t, server.URL+"/tail/stream", "Accept", "text/event-stream").StatusCode }
	require.Equal(t, http.StatusServiceUnavailable, third())
	first.cancel()
	require.Eventually(t, func() bool { return third() == http.StatusOK }, patience, 5*time.Millisecond)
}

func TestShutdownEndsStreams(t *testing.T) {
	live := New(Options{})
	server := serve(t, live)
	c := connect(t, server, "")
	var hello welcome
	c.until("hello", &hello)
	require.NoError(t, live.Shutdown(t.Context()))
	for name := "hello"; name != ""; {
		name, _ = c.next()
	}
	require.NoError(t, c.lines.Err(), "an end, and no cut")
	require.Equal(t, http.StatusServiceUnavailable, get(t, server.URL+"/tail/stream", "Accept", "text/event-stream").StatusCode)
	live.Observe(messageOf(`{}`)) // does no harm
	require.NoError(t, live.Shutdown(t.Context()))
}

func TestAgentsAreShownWithWhatTheyDid(t *testing.T) {
	live := newTail(t, Options{})
	server := serve(t, live)
	c := connect(t, server, "")
	conn := receiver.Peer{ID: 1, RemoteAddr: "192.0.2.7:4711"}
	live.agents.opened(conn)
	live.agents.opened(receiver.Peer{ID: 2, RemoteAddr: "192.0.2.8:4711"})
	m := messageOf(`{"message":"a","host":{"name":"web-1"}}`, `{"message":"b","host":{"name":"web-1"}}`)
	m.Duplicates = 1
	live.Observe(m)
	live.agents.confirmed(conn)
	var state told
	for len(state.Site.Agents) < 2 || state.Site.Agents[0].Host == "" {
		c.until("state", &state)
	}
	first := state.Site.Agents[0]
	require.NotZero(t, first.Since)
	require.NotZero(t, first.Confirmed)
	require.Greater(t, first.Rate, 0.0)
	first.Since, first.Confirmed, first.Rate = 0, 0, 0
	require.Equal(t, agentState{ID: 1, Addr: "192.0.2.7:4711", Host: "web-1", Format: "json_lines", Messages: 1, Records: 2, Duplicates: 1, Bytes: 78, Age: unknown}, first)
	require.Equal(t, 2, state.Site.Open)

	live.agents.closed(conn, receiver.End{CloseCode: 1001})
	for state.Site.Open != 1 {
		state = told{}
		c.until("state", &state)
	}
	require.Len(t, state.Site.Agents, 2)
	require.Equal(t, uint64(1), state.Site.Agents[1].ID)
	require.Equal(t, protocol.CloseGoingAway, state.Site.Agents[1].Code)
	require.NotZero(t, state.Site.Agents[1].Ended)

	for id := range uint64(1000) {
		live.agents.opened(receiver.Peer{ID: 10 + id})
		live.agents.closed(receiver.Peer{ID: 10 + id}, receiver.End{})
	}
	open, shown := live.agents.snapshot(time.Now(), time.Second)
	require.Equal(t, 1, open)
	require.Len(t, shown, 1+maxAgentsGone)
	_, shown = live.agents.snapshot(time.Now().Add(2*goneFor), time.Second)
	require.Len(t, shown, 1)
}

func get(t *testing.T, url string, header ...string) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
		if header[i] == "Host" {
			request.Host = header[i+1]
		}
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	response, err := client.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response
}

func BenchmarkObserveWithoutAViewer(b *testing.B) {
	live := New(Options{})
	defer func() { _ = live.Shutdown(b.Context()) }()
	live.agents.opened(receiver.Peer{ID: 1})
	one := messageOf(`{"message":"a line","host":{"name":"web-1"}}`)
	b.ReportAllocs()
	for b.Loop() {
		live.Observe(one)
	}
}

func BenchmarkParse(b *testing.B) {
	raw := []byte(usualRecord)
	b.ReportAllocs()
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		parse(raw, false, receiver.Peer{}, time.Time{})
	}
}

const usualRecord = `{"@timestamp":"2021-02-05T22:17:09.123Z","@metadata":{"beat":"filebeat","type":"_doc","version":"9.0.0"},"message":"198.51.100.7 - - [05/Feb/2021:22:17:09 +0000] \"GET /articles/17 HTTP/1.1\" 200 4711","log":{"file":{"path":"/var/log/nginx/access.log"},"offset":123456},"host":{"name":"web-1","hostname":"web-1","architecture":"x86_64","os":{"type":"linux","name":"Debian GNU/Linux"}},"agent":{"type":"filebeat","version":"9.0.0","id":"6f0c2a52-1f6b-4f5e-9b0e-6d3f4f6a9c11"},"input":{"type":"filestream"},"ecs":{"version":"8.0.0"}}`
