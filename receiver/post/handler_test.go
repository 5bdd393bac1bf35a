// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package post

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"filebeat-websocket/receiver"
	"filebeat-websocket/receiver/dedup"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memorySink keeps records. Its functions, where set, decide.
type memorySink struct {
	consume func(*receiver.Message) error
	commit  func() error

	mutex   sync.Mutex
	records []string
}

func (s *memorySink) Consume(_ context.Context, m *receiver.Message) error {
	if s.consume != nil {
		if err := s.consume(m); err != nil {
			return err
		}
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, record := range m.Records {
		s.records = append(s.records, string(record))
	}
	return nil
}

func (s *memorySink) Commit(context.Context) error {
	if s.commit != nil {
		return s.commit()
	}
	return nil
}

func (s *memorySink) taken() []string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return slices.Clone(s.records)
}

// fixture is a server with a Handler.
type fixture struct {
	handler *Handler
	intake  *receiver.Intake
	server  *httptest.Server

	mutex    sync.Mutex
	refusals []*receiver.Refusal
}

func start(t *testing.T, sink receiver.Sink, options Options) *fixture {
	t.Helper()
	return startWith(t, sink, options, 64<<20)
}

func startWith(t *testing.T, sink receiver.Sink, options Options, memory int64) *fixture {
	t.Helper()
	f := &fixture{}
	var err error
	f.intake, err = receiver.NewIntake(sink, receiver.IntakeOptions{MaxMemory: memory, Observers: []receiver.Observer{{
		Opened: func(receiver.Peer) { panic("a request is no connection") },
		Refused: func(_ receiver.Peer, refusal *receiver.Refusal) {
			f.mutex.Lock()
			defer f.mutex.Unlock()
			f.refusals = append(f.refusals, refusal)
		},
	}}})
	require.NoError(t, err)
	options.MaxBodyBytes = cmp.Or(options.MaxBodyBytes, 1<<20)
	f.handler, err = New(f.intake, options)
	require.NoError(t, err)
	f.server = httptest.NewServer(f.handler)
	t.Cleanup(func() {
		require.NoError(t, f.handler.Shutdown(context.Background()))
		f.intake.Shutdown(context.Background())
		f.server.Close()
		require.Zero(t, f.intake.MemoryInUse())
	})
	return f
}

func (f *fixture) refused() []*receiver.Refusal {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return slices.Clone(f.refusals)
}

// status returns the status of an answer to text, or 0 if there is none. It may be called
// from any goroutine.
func (f *fixture) status(t *testing.T, body io.Reader) int {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.server.URL, body)
	if err != nil {
		return 0
	}
	req.Header.Set("Content-Type", "text/plain")
	res, err := f.server.Client().Do(req)
	if err != nil {
		return 0
	}
	_ = res.Body.Close()
	return res.StatusCode
}

// send sends a body with pairs of a header's name and its value.
func (f *fixture) send(t *testing.T, body io.Reader, headers ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.server.URL, body)
	require.NoError(t, err)
	for pair := range slices.Chunk(headers, 2) {
		req.Header.Add(pair[0], pair[1])
	}
	res, err := f.server.Client().Do(req)
	require.NoError(t, err)
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	return res, strings.TrimSpace(string(text))
}

func TestEveryTypeOfContent(t *testing.T) {
	sink := &memorySink{}
	f := start(t, sink, Options{})
	// time is a Fluent Bit event time: 2001-09-09T01:46:40Z and one nanosecond.
	const eventTime = "\xd7\x00\x3b\x9a\xca\x00\x00\x00\x00\x01"
	for name, test := range map[string]struct {
		contentType, body string
		records           []string
	}{
		"an object":                      {"application/json", ` {"a": 1} `, []string{`{"a": 1}`}},
		"an object on lines":             {"application/json; charset=UTF-8", "{\n\"a\": 1}\n", []string{`{"a":1}`}},
		"an array, as Vector sends it":   {"application/json", `[{"a":1},{"a":2}]`, []string{`{"a":1}`, `{"a":2}`}},
		"objects, as Fluent Bit":         {"application/json", `{"a":1}{"a":2}`, []string{`{"a":1}`, `{"a":2}`}},
		"lines as JSON, as Fluent Bit":   {"application/json", "{\"a\":1}\n{\"a\":2}\n", []string{`{"a":1}`, `{"a":2}`}},
		"nothing in an array":            {"application/json", `[]`, nil},
		"nothing":                        {"application/x-ndjson", "", nil},
		"lines":                          {"application/x-ndjson", "{\"a\":1}\r\n\n{\"a\":2}", []string{`{"a":1}`, `{"a":2}`}},
		"MessagePack of Fluent Bit":      {"application/msgpack", "\x92" + eventTime + "\x81\xa1a\x01", []string{`{"@timestamp":"2001-09-09T01:46:40.000000001Z","a":1}`}},
		"MessagePack of Fluent Bit 2":    {"application/msgpack", "\x92\x92" + eventTime + "\x80\x81\xa1a\x01", []string{`{"@timestamp":"2001-09-09T01:46:40.000000001Z","a":1}`}},
		"MessagePack of Fluentd":         {"application/x-msgpack", "\x81\xa1a\x01\x81\xa1a\x02", []string{`{"a":1}`, `{"a":2}`}},
		"CSV":                            {"text/csv", "a,\"b\nc\"\r\nd,\n", []string{`{"c1":"a","c2":"b\nc"}`, `{"c1":"d","c2":""}`}},
		"CSV with a byte order mark":     {"text/csv", "\uFEFFa,\uFEFFb", []string{"{\"c1\":\"a\",\"c2\":\"\uFEFFb\"}"}},
		"an array, with such a mark":     {"application/json", "\uFEFF[{\"a\":1}]", []string{`{"a":1}`}},
		"lines, with such a mark":        {"application/x-ndjson", "\uFEFF{\"a\":1}\n", []string{`{"a":1}`}},
		"text, with such a mark":         {"text/plain", "\uFEFFa\n", []string{`{"message":"a"}`}},
		"text":                           {"text/plain", "a\n\n{\"b\"}\r\n\xff", []string{`{"message":"a"}`, `{"message":"{\"b\"}"}`, "{\"message\":\"\uFFFD\"}"}},
		"a form":                         {"application/x-www-form-urlencoded", "a=1+2%2B3&b=%E2%82%AC%00%0A&a=x", []string{`{"a":["1 2+3","x"],"b":"€\u0000\n"}`}},
		"a form with a line break in it": {"application/x-www-form-urlencoded", "a=1\nb=2", []string{`{"a":"1\nb=2"}`}},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(sink.taken())
			res, text := f.send(t, strings.NewReader(test.body), "Content-Type", test.contentType)
			require.Equal(t, http.StatusNoContent, res.StatusCode, text)
			require.Equal(t, test.records, slices.Concat(sink.taken()[before:]))
		})
	}
	require.Empty(t, f.refused())
}

func TestAFormKeepsEveryByte(t *testing.T) {
	sink := &memorySink{}
	f := start(t, sink, Options{})
	for c := range 256 {
		const hex = "0123456789ABCDEF"
		body := "v=%" + string(hex[c>>4]) + string(hex[c&15])
		res, text := f.send(t, strings.NewReader(body), "Content-Type", "application/x-www-form-urlencoded")
		require.Equal(t, http.StatusNoContent, res.StatusCode, text)
	}
	records := sink.taken()
	require.Len(t, records, 256)
	for c := range 256 {
		want := string(rune(c))
		if c >= 0x80 {
			want = "\uFFFD" // alone it is not UTF-8
		}
		require.Equal(t, want, unquoted(t, records[c]))
	}
}

func TestWhatIsWrongIsNamedAndNothingIsTaken(t *testing.T) {
	sink := &memorySink{}
	f := start(t, sink, Options{})
	for name, test := range map[string]struct {
		body    string
		headers []string
		status  int
		reason  string
	}{
		"the second line":            {"{}\n{\n{}", []string{"Content-Type", "application/x-ndjson"}, 400, "record 2: line 2: JSON ends too early, after 1 bytes"},
		"the third of an array":      {`[{},{},x]`, []string{"Content-Type", "application/json"}, 400, "record 3: invalid JSON at byte 7"},
		"half an object":             {`{"a":`, []string{"Content-Type", "application/json"}, 400, "record 1: JSON ends too early, after 5 bytes"},
		"a quote of CSV":             {"a\n\"b", []string{"Content-Type", "text/csv"}, 400, "record 2: unterminated quote at byte 2"},
		"not MessagePack":            {"hello", []string{"Content-Type", "application/msgpack"}, 400, "record 1: not an array at byte 0"},
		"half an entry":              {"\x81\xa1a", []string{"Content-Type", "application/msgpack"}, 400, "record 1: "},
		"not UTF-8":                  {"{\"a\":\"\xff\"}", []string{"Content-Type", "application/json"}, 400, "not UTF-8 at byte 6"},
		"no type":                    {"{}", nil, 415, "the Content-Type has to be one of application/json"},
		"another type":               {"{}", []string{"Content-Type", "application/xml"}, 415, "Content-Type"},
		"another charset":            {"{}", []string{"Content-Type", "text/plain; charset=utf-16"}, 415, "charset"},
		"another coding":             {"{}", []string{"Content-Type", "text/plain", "Content-Encoding", "br"}, 415, "gzip, deflate, zstd"},
		"two codings":                {"{}", []string{"Content-Type", "text/plain", "Content-Encoding", "gzip, gzip"}, 415, "gzip, deflate, zstd"},
		"no gzip":                    {"{}", []string{"Content-Type", "text/plain", "Content-Encoding", "gzip"}, 400, "not valid gzip"},
		"no deflate":                 {"\xff\xff", []string{"Content-Type", "text/plain", "Content-Encoding", "deflate"}, 400, "not valid deflate"},
		"no zstd":                    {"hello, this is text", []string{"Content-Type", "text/plain", "Content-Encoding", "zstd"}, 400, "not valid zstd"},
		"nothing as gzip":            {"", []string{"Content-Type", "text/plain", "Content-Encoding", "gzip"}, 400, "not valid gzip"},
		"a page of another site":     {"a", []string{"Content-Type", "text/plain", "Origin", "https://example.com"}, 403, "another site"},
		"an array with something":    {`[{}] x`, []string{"Content-Type", "application/json"}, 400, "record 2: invalid JSON at byte 5"},
		"a window of zstd too large": {"\x28\xb5\x2f\xfd\x00\x70\x01\x00\x00", []string{"Content-Type", "text/plain", "Content-Encoding", "zstd"}, 413, "the window of zstd is larger than 4194304 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			res, text := f.send(t, strings.NewReader(test.body), test.headers...)
			require.Equal(t, test.status, res.StatusCode, text)
			require.Contains(t, text, test.reason)
			require.Empty(t, res.Header.Get("Retry-After"))
		})
	}
	require.Empty(t, sink.taken())
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.server.URL, nil)
	require.NoError(t, err)
	res, err := f.server.Client().Do(req)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusMethodNotAllowed, res.StatusCode)
	require.Equal(t, http.MethodPost, res.Header.Get("Allow"))
}

// compressors make bodies by the name of their coding.
var compressors = map[string]func(io.Writer) io.WriteCloser{
	"gzip":        func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
	"x-gzip":      func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
	"deflate":     func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) },
	"deflate raw": func(w io.Writer) io.WriteCloser { f, _ := flate.NewWriter(w, 6); return f },
	"zstd":        func(w io.Writer) io.WriteCloser { z, _ := zstd.NewWriter(w, zstd.WithWindowSize(1<<20)); return z },
}

func compressed(t testing.TB, name, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := compressors[name](&b)
	_, err := io.WriteString(w, text)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

func TestEveryCompression(t *testing.T) {
	sink := &memorySink{}
	f := start(t, sink, Options{})
	want := 0
	for name := range compressors {
		coding, _, _ := strings.Cut(name, " ")
		headers := []string{"Content-Type", "application/x-ndjson", "Content-Encoding", coding}
		for _, lines := range []int{1, 10_000} {
			body := compressed(t, name, strings.Repeat("{\"a\":1}\n", lines))
			res, text := f.send(t, bytes.NewReader(body), headers...)
			require.Equal(t, http.StatusNoContent, res.StatusCode, "%s: %s", name, text)
			// Chunked, since the length of the reader is not known.
			res, text = f.send(t, io.MultiReader(bytes.NewReader(body)), headers...)
			require.Equal(t, http.StatusNoContent, res.StatusCode, "%s: %s", name, text)
			want += 2 * lines
			require.Len(t, sink.taken(), want)
			res, text = f.send(t, bytes.NewReader(body[:len(body)-1]), headers...)
			require.Equal(t, http.StatusBadRequest, res.StatusCode, "%s", name)
			require.Contains(t, text, "not valid "+strings.TrimPrefix(coding, "x-"))
			res, _ = f.send(t, bytes.NewReader(append(body, "trailing"...)), headers...)
			require.Equal(t, http.StatusBadRequest, res.StatusCode, "%s", name)
		}
	}
	require.Len(t, sink.taken(), want)
}

// TestFramesOfZstdMayNeedMoreThanTheFirst: the program zstd makes a frame that is a single
// segment of a short file, whose window is its length.
func TestFramesOfZstdMayNeedMoreThanTheFirst(t *testing.T) {
	const skippable, tooWide = "\x50\x2a\x4d\x18\x03\x00\x00\x00abc", "\x28\xb5\x2f\xfd\x00\x70\x01\x00\x00"
	sink := &memorySink{}
	f := start(t, sink, Options{})
	headers := []string{"Content-Type", "text/plain", "Content-Encoding", "zstd"}
	encoder, err := zstd.NewWriter(nil, zstd.WithSingleSegment(true))
	require.NoError(t, err)
	lines := func(count int) string { return strings.Repeat("a line that repeats\n", count) }
	frame := func(text string) string { return string(encoder.EncodeAll([]byte(text), nil)) }
	random := make([]byte, 300<<10) // blocks that are not compressed
	for i := range random {
		random[i] = byte(i*i>>3) | 0x80
	}
	bodies := map[string]string{
		"small, then large":     frame(lines(1)) + frame(lines(20_000)),
		"large, then small":     frame(lines(20_000)) + frame(lines(1)),
		"with skippable frames": skippable + frame(lines(1)) + skippable + string(compressed(t, "zstd", lines(20_000))) + skippable,
	}
	for name, body := range bodies {
		before := len(sink.taken())
		res, text := f.send(t, strings.NewReader(body), headers...)
		require.Equal(t, http.StatusNoContent, res.StatusCode, "%s: %s", name, text)
		require.Len(t, sink.taken()[before:], 20_001, name)
	}
	res, text := f.send(t, strings.NewReader(frame("a\n")+frame(string(random))), headers...)
	require.Equal(t, http.StatusNoContent, res.StatusCode, text)
	taken := len(sink.taken())
	res, text = f.send(t, strings.NewReader(frame("a\n")+tooWide), headers...)
	require.Equal(t, http.StatusRequestEntityTooLarge, res.StatusCode)
	require.Contains(t, text, "the window of zstd is larger than")
	for _, behind := range []string{"junk", tooWide[:5], frame(lines(10))[:20]} {
		res, text = f.send(t, strings.NewReader(frame("a\n")+behind), headers...)
		require.Equal(t, http.StatusBadRequest, res.StatusCode, "%q", behind)
		require.Contains(t, text, "not valid zstd")
	}
	require.Len(t, sink.taken(), taken)
}

func TestABodyThatIsTooLongIsRefusedBeforeItTakesMemory(t *testing.T) {
	sink := &memorySink{}
	f := start(t, sink, Options{MaxBodyBytes: 1 << 20})
	long := strings.Repeat("a", 1<<20+1)
	for name, send := range map[string]func() (*http.Response, string){
		"by its length": func() (*http.Response, string) {
			return f.send(t, strings.NewReader(long), "Content-Type", "text/plain")
		},
		"chunked": func() (*http.Response, string) {
			return f.send(t, io.MultiReader(strings.NewReader(long)), "Content-Type", "text/plain")
		},
		"inflated": func() (*http.Response, string) {
			return f.send(t, bytes.NewReader(compressed(t, "gzip", strings.Repeat(long, 20))), "Content-Type", "text/plain", "Content-Encoding", "gzip")
		},
		"inflated from zstd": func() (*http.Response, string) {
			return f.send(t, bytes.NewReader(compressed(t, "zstd", strings.Repeat(long, 20))), "Content-Type", "text/plain", "Content-Encoding", "zstd")
		},
	} {
		res, text := send()
		require.Equal(t, http.StatusRequestEntityTooLarge, res.StatusCode, name)
		require.Equal(t, "the body is longer than 1048576 bytes", text, name)
		refusals := f.refused()
		last := refusals[len(refusals)-1]
		require.ErrorIs(t, last, ErrTooLong, name)
		require.False(t, last.Retry)
	}
	require.Empty(t, sink.taken())
	res, text := f.send(t, strings.NewReader(long[1:]), "Content-Type", "text/plain")
	require.Equal(t, http.StatusNoContent, res.StatusCode, text)
}

func TestASlowBodyGets408(t *testing.T) {
	f := start(t, &memorySink{}, Options{BodyTimeout: 50 * time.Millisecond})
	body, feed := io.Pipe()
	defer func() { _ = feed.Close() }()
	go func() { _, _ = feed.Write([]byte("a")) }()
	res, text := f.send(t, body, "Content-Type", "text/plain")
	require.Equal(t, http.StatusRequestTimeout, res.StatusCode)
	require.Equal(t, "the body took longer than 50ms", text)
}

func TestTheAnswerComesAfterCommit(t *testing.T) {
	entered, result := make(chan struct{}), make(chan error)
	sink := &memorySink{commit: func() error {
		entered <- struct{}{}
		return <-result
	}}
	f := start(t, sink, Options{BodyTimeout: 300 * time.Millisecond})
	type reply struct {
		status     int
		text, wait string
	}
	replies := make(chan reply, 1)
	send := func() {
		res, text := f.send(t, strings.NewReader("a"), "Content-Type", "text/plain")
		replies <- reply{res.StatusCode, text, res.Header.Get("Retry-After")}
	}
	go send()
	<-entered
	require.Empty(t, replies)
	// The time for the body does not end the wait for Commit.
	timer := time.NewTimer(500 * time.Millisecond)
	defer timer.Stop()
	select {
	case early := <-replies:
		require.Fail(t, "answered before Commit", "%v", early)
	case <-timer.C:
	}
	result <- nil
	require.Equal(t, reply{http.StatusNoContent, "", ""}, <-replies)

	go send()
	<-entered
	result <- &receiver.Refusal{Reason: "no space", Pause: 1500 * time.Millisecond, Cause: errors.New("secret")}
	require.Equal(t, reply{http.StatusServiceUnavailable, "no space", "2"}, <-replies)
	go send()
	<-entered
	result <- errors.New("secret")
	require.Equal(t, reply{http.StatusServiceUnavailable, "could not be stored", "1"}, <-replies)
}

func TestWhatTheSinkRefuses(t *testing.T) {
	var err error
	sink := &memorySink{consume: func(*receiver.Message) error { return err }}
	f := start(t, sink, Options{})
	for name, test := range map[string]struct {
		err        error
		status     int
		text, wait string
	}{
		"for now":         {&receiver.Refusal{Reason: "no space", Retry: true, Pause: 3 * time.Second}, 503, "no space", "3"},
		"for good":        {&receiver.Refusal{Reason: "no such tenant"}, 400, "no such tenant", ""},
		"the second":      {&receiver.Refusal{Reason: "no time", Records: []int{1}}, 400, "record 2: no time", ""},
		"it fails":        {errors.New("secret"), 503, "the records were not taken", "1"},
		"one of them":     {&receiver.Refusal{Reason: "no space", Retry: true, Records: []int{0}}, 503, "no space", "1"},
		"one there is no": {&receiver.Refusal{Reason: "x", Records: []int{7}}, 503, "the records were not taken", "1"},
	} {
		err = test.err
		res, text := f.send(t, strings.NewReader("{}{}"), "Content-Type", "application/json")
		require.Equal(t, test.status, res.StatusCode, name)
		require.Equal(t, test.text, text, name)
		require.Equal(t, test.wait, res.Header.Get("Retry-After"), name)
	}
	require.Len(t, f.refused(), 6)
}

func TestAnIdempotencyKeyIsTakenOnce(t *testing.T) {
	sink := &memorySink{}
	f := start(t, dedup.New(100, sink), Options{Sender: func(r *http.Request) string { return r.Header.Get("From") }})
	send := func(body, sender, key string) {
		t.Helper()
		headers := []string{"Content-Type", "text/plain", "From", sender}
		if key != "" {
			headers = append(headers, "Idempotency-Key", key)
		}
		res, text := f.send(t, strings.NewReader(body), headers...)
		require.Equal(t, http.StatusNoContent, res.StatusCode, text)
	}
	send("a\nb", "one", "k")
	send("a\nb", "one", "k")
	require.Len(t, sink.taken(), 2)
	send("a\nc", "one", "k")
	require.Len(t, sink.taken(), 4, "another content")
	send("a\nb", "two", "k")
	require.Len(t, sink.taken(), 6, "another sender")
	send("a\nb", "one", "l")
	require.Len(t, sink.taken(), 8, "another key")
	send("a\nb", "one", "")
	require.Len(t, sink.taken(), 10, "no key")
}

func TestShutdownAnswersWhatIsTakenAndStopsWhatArrives(t *testing.T) {
	entered, result := make(chan struct{}), make(chan error)
	sink := &memorySink{commit: func() error {
		entered <- struct{}{}
		return <-result
	}}
	f := start(t, sink, Options{})
	taken, arriving := make(chan int, 1), make(chan int, 1)
	go func() { taken <- f.status(t, strings.NewReader("a")) }()
	<-entered
	body, feed := io.Pipe()
	go func() { arriving <- f.status(t, body) }()
	_, err := feed.Write([]byte("b"))
	require.NoError(t, err)
	require.Eventually(t, func() bool { return f.intake.MemoryInUse() > 4096 }, 5*time.Second, time.Millisecond, "the body has begun")
	ended := make(chan error, 1)
	go func() { ended <- f.handler.Shutdown(t.Context()) }()
	require.Equal(t, http.StatusServiceUnavailable, <-arriving)
	_ = feed.Close()
	require.Empty(t, ended)
	result <- nil
	require.Equal(t, http.StatusNoContent, <-taken)
	require.NoError(t, <-ended)
	res, text := f.send(t, strings.NewReader("c"), "Content-Type", "text/plain")
	require.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
	require.Equal(t, "shutting down", text)
	require.Equal(t, []string{`{"message":"a"}`}, sink.taken())
}

func TestShutdownCutsWhatTakesTooLong(t *testing.T) {
	entered, result := make(chan struct{}), make(chan error)
	f := start(t, &memorySink{commit: func() error {
		entered <- struct{}{}
		return <-result
	}}, Options{})
	status := make(chan int, 1)
	go func() { status <- f.status(t, strings.NewReader("a")) }()
	<-entered
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, f.handler.Shutdown(ctx), context.Canceled)
	require.Equal(t, http.StatusServiceUnavailable, <-status)
	result <- nil
}

func TestBodiesThatStallMakeRoomForThoseThatCome(t *testing.T) {
	sink := &memorySink{}
	f := startWith(t, sink, Options{MaxBodyBytes: 1 << 20}, 16<<20)
	const stalled = 12
	statuses := make(chan int, stalled)
	var feeds []*io.PipeWriter
	for range stalled { // 12 times 1 MiB do not fit into 7
		body, feed := io.Pipe()
		feeds = append(feeds, feed)
		go func() { statuses <- f.status(t, body) }()
		go func() { _, _ = feed.Write(bytes.Repeat([]byte("a"), 900<<10)) }()
	}
	// Its client may be too busy with the body to see the answer.
	require.Contains(t, []int{0, http.StatusServiceUnavailable}, <-statuses)
	res, text := f.send(t, strings.NewReader("a"), "Content-Type", "text/plain")
	require.Equal(t, http.StatusNoContent, res.StatusCode, text)
	for _, feed := range feeds {
		_ = feed.CloseWithError(errors.New("the client goes"))
	}
	require.Contains(t, f.refused()[0].Reason, "too little memory")
}

func TestOptionsThatAreWrongAreNamed(t *testing.T) {
	intake, err := receiver.NewIntake(&memorySink{}, receiver.IntakeOptions{MaxMemory: 1 << 20})
	require.NoError(t, err)
	_, err = New(intake, Options{})
	require.ErrorContains(t, err, "MaxMemory")
	_, err = New(intake, Options{MaxBodyBytes: -1})
	require.ErrorContains(t, err, "MaxBodyBytes")
	_, err = New(intake, Options{MaxBodyBytes: 1000, CSV: csvSeparator("\n")})
	require.ErrorContains(t, err, "CSV.Separator")
}
