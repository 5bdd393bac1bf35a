// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"context"
	"encoding/binary"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"filebeat-websocket/protocol"
	"filebeat-websocket/receiver/decode"
	"filebeat-websocket/receiver/handshake"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memorySink is a Sink that keeps copies.
type memorySink struct {
	mutex    sync.Mutex
	messages []Message // without Records
	records  []string
}

func (s *memorySink) Consume(_ context.Context, m *Message) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, r := range m.Records {
		s.records = append(s.records, string(r))
	}
	facts := *m
	facts.Records = nil
	facts.Chunks, facts.ChunkRecords = append([]string(nil), m.Chunks...), append([]int(nil), m.ChunkRecords...)
	s.messages = append(s.messages, facts)
	return nil
}

func (s *memorySink) Commit(context.Context) error { return nil }

func (s *memorySink) got() []string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.records
}

// funcSink is a Sink of two functions.
type funcSink struct {
	consume func(context.Context, *Message) error
	commit  func(context.Context) error
}

func (s funcSink) Consume(ctx context.Context, m *Message) error { return s.consume(ctx, m) }
func (s funcSink) Commit(ctx context.Context) error              { return s.commit(ctx) }

// start serves a Handler until the test ends.
func start(t testing.TB, sink Sink, options Options) (*Handler, string) {
	t.Helper()
	if options.CloseTimeout == 0 {
		options.CloseTimeout = 100 * time.Millisecond
	}
	h, err := New(sink, options)
	require.NoError(t, err)
	h.progressInterval = time.Hour // a slow machine is no reason for other replies
	server := httptest.NewServer(h)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = h.Shutdown(ctx)
		server.Close()
	})
	return h, "ws" + strings.TrimPrefix(server.URL, "http")
}

// testClient is a gorilla client whose reader puts what it gets into channels.
type testClient struct {
	*websocket.Conn
	messages chan string
	pongs    chan string
	ended    chan error
}

func dial(t testing.TB, url string, subprotocols ...string) *testClient {
	t.Helper()
	dialer := websocket.Dialer{Subprotocols: subprotocols}
	ws, res, err := dialer.DialContext(t.Context(), url, nil)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	return receive(t, ws)
}

// receive starts the reader of a connection.
func receive(t testing.TB, ws *websocket.Conn) *testClient {
	t.Helper()
	c := &testClient{Conn: ws, messages: make(chan string, 10_000), pongs: make(chan string, 1000), ended: make(chan error, 1)}
	ws.SetPongHandler(func(payload string) error {
		c.pongs <- payload
		return nil
	})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			_, message, err := ws.ReadMessage()
			if err != nil {
				c.ended <- err
				return
			}
			c.messages <- string(message)
		}
	}()
	t.Cleanup(func() {
		_ = ws.Close()
		<-done
	})
	return c
}

func (c *testClient) send(t testing.TB, messages ...string) {
	t.Helper()
	for _, m := range messages {
		require.NoError(t, c.WriteMessage(websocket.TextMessage, []byte(m)))
	}
}

func (c *testClient) ping(t testing.TB, payload string) {
	t.Helper()
	require.NoError(t, c.WriteControl(websocket.PingMessage, []byte(payload), deadlineSoon()))
}

// frames writes frames as they are, in one segment.
func (c *testClient) frames(t testing.TB, list ...string) {
	t.Helper()
	_, err := c.NetConn().Write([]byte(strings.Join(list, "")))
	require.NoError(t, err)
}

// maskedFrame masks with zeros, so its payload can be written as it is. RFC 6455 5.2.
func maskedFrame(first byte, payload string) string {
	if len(payload) < 126 {
		return string([]byte{first, 0x80 | byte(len(payload)), 0, 0, 0, 0}) + payload
	}
	header := binary.BigEndian.AppendUint64([]byte{first, 0x80 | 127}, uint64(len(payload)))
	return string(append(header, 0, 0, 0, 0)) + payload
}

const (
	textFrame    = 0x81
	textBegin    = 0x01
	continuation = 0x00
	textEnd      = 0x80
	pingFrame    = 0x89
)

func deadlineSoon() time.Time { return time.Now().Add(5 * time.Second) }

// take fails the test rather than waiting for ever.
func take[T any](t testing.TB, from <-chan T) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	select {
	case v := <-from:
		return v
	case <-ctx.Done():
		require.FailNow(t, "nothing came within 5 s")
		panic("unreachable")
	}
}

func TestRecordsAreConsumedWithTheirConnectionsFacts(t *testing.T) {
	var s memorySink
	ended := make(chan End, 2)
	opened := make(chan Peer, 2)
	_, url := start(t, &s, Options{Observers: []Observer{{Opened: func(c Peer) { opened <- c }, Closed: func(_ Peer, end End) { ended <- end }}}})
	c := dial(t, url)
	require.Equal(t, Peer{ID: 1, RemoteAddr: c.LocalAddr().String()}, take(t, opened))
	c.send(t, `{"a":1}{"a":2}`, `[{"b":1}]`)
	require.NoError(t, c.WriteMessage(websocket.BinaryMessage, []byte("text\u00ff")))
	c.ping(t, "12345678")
	require.Equal(t, "12345678", take(t, c.pongs))
	require.Equal(t, []string{`{"a":1}`, `{"a":2}`, `{"b":1}`, "{\"message\":\"text\u00ff\"}"}, s.got())
	facts := Peer{ID: 1, RemoteAddr: c.LocalAddr().String()}
	for i := range s.messages {
		require.NotNil(t, s.messages[i].Late)
		s.messages[i].Late = nil
	}
	require.Equal(t, []Message{
		{Peer: facts, Number: 1, Binary: false, Bytes: 14, Format: "json_stream"},
		{Peer: facts, Number: 2, Binary: false, Bytes: 9, Format: "json_array"},
		{Peer: facts, Number: 3, Binary: true, Bytes: 6, Format: "raw"},
	}, s.messages)
	require.NoError(t, c.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(1000, "done"), time.Now().Add(time.Second)))
	require.Equal(t, &websocket.CloseError{Code: 1000}, take(t, c.ended))
	end := take(t, ended)
	require.Equal(t, End{Messages: 3, Records: 4, Bytes: 29, CloseCode: 1000, Cause: &websocket.CloseError{Code: 1000, Text: "done"}}, end)

	lost := dial(t, url)
	require.EqualValues(t, 2, take(t, opened).ID)
	require.NoError(t, lost.NetConn().Close())
	end = take(t, ended)
	require.Equal(t, protocol.CloseAbnormal, end.CloseCode)
	require.ErrorContains(t, end.Cause, "unexpected EOF")
}

func TestAPongComesOnlyAfterTheMessagesBeforeItsPingWereConsumed(t *testing.T) {
	t.Run("while Consume blocks there is none", func(t *testing.T) {
		entered, release := make(chan uint64), make(chan struct{})
		var s memorySink
		_, url := start(t, SinkFunc(func(ctx context.Context, m *Message) error {
			entered <- m.Number
			<-release
			return s.Consume(ctx, m)
		}), Options{})
		c := dial(t, url)
		c.frames(t, maskedFrame(pingFrame, "0"), maskedFrame(textFrame, "{}"), maskedFrame(pingFrame, "1"), maskedFrame(textFrame, "{}"), maskedFrame(pingFrame, "2"))
		require.Equal(t, "0", take(t, c.pongs))
		for _, number := range []uint64{1, 2} {
			require.Equal(t, number, take(t, entered))
			require.Empty(t, c.pongs)
			release <- struct{}{}
			require.Len(t, take(t, c.pongs), 1)
			require.Len(t, s.got(), int(number))
		}
	})
	t.Run("whichever way messages and pings are mixed", func(t *testing.T) {
		var s memorySink
		_, url := start(t, &s, Options{})
		c := dial(t, url)
		var all []string
		for n := range 1000 {
			all = append(all, maskedFrame(textFrame, "{}"), maskedFrame(textFrame, "x"), maskedFrame(pingFrame, strconv.Itoa(n)))
		}
		written := make(chan error, 1)
		go func() {
			_, err := c.NetConn().Write([]byte(strings.Join(all, "")))
			written <- err
		}()
		// Of Pings that pile up only the newest are answered; the last one always is.
		for newest := -1; newest < 999; {
			n, err := strconv.Atoi(take(t, c.pongs))
			require.NoError(t, err)
			require.Greater(t, n, newest)
			require.GreaterOrEqual(t, len(s.got()), 2*(n+1))
			newest = n
		}
		require.NoError(t, take(t, written))
	})
	t.Run("a Ping between the fragments of a message is answered, the message not yet consumed", func(t *testing.T) {
		var s memorySink
		_, url := start(t, &s, Options{})
		c := dial(t, url)
		c.frames(t, maskedFrame(textBegin, `{"a":`), maskedFrame(pingFrame, "between"), maskedFrame(continuation, "1"))
		require.Equal(t, "between", take(t, c.pongs))
		require.Empty(t, s.got())
		c.frames(t, maskedFrame(textEnd, `}`), maskedFrame(pingFrame, "after"))
		require.Equal(t, "after", take(t, c.pongs))
		require.Equal(t, []string{`{"a":1}`}, s.got())
	})
	t.Run("a message that could not be consumed closes with 1011 and no Pong follows", func(t *testing.T) {
		disk := errors.New("the disk /secret/place is full")
		ended := make(chan End, 1)
		_, url := start(t, SinkFunc(func(_ context.Context, m *Message) error {
			if m.Number == 2 {
				return disk
			}
			return nil
		}), Options{Observers: []Observer{{Closed: func(_ Peer, end End) { ended <- end }}}})
		c := dial(t, url)
		c.frames(t, maskedFrame(textFrame, "{}"), maskedFrame(pingFrame, "1"), maskedFrame(textFrame, "{}"), maskedFrame(pingFrame, "2"), maskedFrame(textFrame, "{}"))
		require.Equal(t, &websocket.CloseError{Code: 1011, Text: "message 2 was not taken"}, take(t, c.ended))
		require.Equal(t, "1", take(t, c.pongs))
		require.Empty(t, c.pongs)
		end := take(t, ended)
		require.ErrorIs(t, end.Cause, disk)
		require.Equal(t, End{Messages: 1, Records: 1, Bytes: 2, CloseCode: 1011, Cause: end.Cause}, end)
	})
}

func TestAMessageThatCanNotBeTakenEndsItsConnectionOnly(t *testing.T) {
	long := strings.Repeat("x", 1000)
	for name, test := range map[string]struct {
		format string
		frames []string
		want   websocket.CloseError
	}{
		"too long": {"auto", []string{string([]byte{textFrame, 0x80 | 126, 0x03, 0xe9, 0, 0, 0, 0}) + long + "x"},
			websocket.CloseError{Code: 1009, Text: "message is longer than 1000 bytes"}},
		"too long in fragments": {"auto", []string{maskedFrame(textBegin, long[:100]), strings.Repeat(maskedFrame(continuation, long[:100]), 20)},
			websocket.CloseError{Code: 1009, Text: "message is longer than 1000 bytes"}},
		"text that is not UTF-8":         {"auto", []string{maskedFrame(textFrame, "\xff")}, websocket.CloseError{Code: 1007, Text: "text message is not UTF-8"}},
		"not JSON where the format is":   {"json_lines", []string{maskedFrame(textFrame, "{}\nx")}, websocket.CloseError{Code: 1007, Text: "line 2: invalid JSON at byte 0"}},
		"nested too deep":                {"json", []string{maskedFrame(textFrame, strings.Repeat("[", 100))}, websocket.CloseError{Code: 1007, Text: "JSON nested deeper than 64 at byte 64"}},
		"binary where the format is not": {"json", []string{maskedFrame(0x82, "{}")}, websocket.CloseError{Code: 1003, Text: "format json takes text messages"}},
		"a frame that is not masked":     {"auto", []string{"\x81\x01x"}, websocket.CloseError{Code: 1002, Text: "a frame is not masked"}},
	} {
		t.Run(name, func(t *testing.T) {
			var s memorySink
			ended := make(chan End, 2)
			_, url := start(t, &s, Options{Format: test.format, MaxMessageBytes: 1000, Observers: []Observer{{Closed: func(_ Peer, end End) { ended <- end }}}})
			other, c := dial(t, url), dial(t, url)
			c.frames(t, append(test.frames, maskedFrame(pingFrame, "x"))...)
			require.Equal(t, &test.want, take(t, c.ended))
			require.Empty(t, c.pongs)
			require.NoError(t, c.Close())
			end := take(t, ended)
			require.Equal(t, protocol.CloseCode(test.want.Code), end.CloseCode)
			require.ErrorContains(t, end.Cause, test.want.Text)
			require.Empty(t, s.got())
			other.send(t, `{}`)
			other.ping(t, "fine")
			require.Equal(t, "fine", take(t, other.pongs))
			require.Equal(t, []string{"{}"}, s.got())
		})
	}
	t.Run("one of exactly the longest length is taken", func(t *testing.T) {
		var s memorySink
		_, url := start(t, &s, Options{MaxMessageBytes: 1000})
		c := dial(t, url)
		c.send(t, long)
		c.ping(t, "fine")
		take(t, c.pongs)
		require.Equal(t, []string{`{"message":"` + long + `"}`}, s.got())
	})
	t.Run("a client that goes on writing is read on, so that it finds the Close frame", func(t *testing.T) {
		_, url := start(t, new(memorySink), Options{MaxMessageBytes: 1000, CloseTimeout: time.Minute})
		ws, res, err := websocket.DefaultDialer.DialContext(t.Context(), url, nil)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		// More than the kernel holds for a server that reads no more.
		for range 16 {
			require.NoError(t, ws.WriteMessage(websocket.BinaryMessage, make([]byte, 1<<20)))
		}
		_, _, err = ws.ReadMessage()
		require.Equal(t, &websocket.CloseError{Code: 1009, Text: "message is longer than 1000 bytes"}, err)
		require.NoError(t, ws.Close())
	})
}

func TestUpgradesAreRefused(t *testing.T) {
	var s memorySink
	_, url := start(t, &s, Options{MaxConnections: 1})
	get := func(header http.Header, upgrade bool) *http.Response {
		t.Helper()
		if upgrade {
			_, res, err := websocket.DefaultDialer.DialContext(t.Context(), url, header)
			require.ErrorIs(t, err, websocket.ErrBadHandshake)
			return res
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http"+strings.TrimPrefix(url, "ws"), nil)
		require.NoError(t, err)
		res, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		http.DefaultClient.CloseIdleConnections()
		return res
	}
	t.Run("a plain request", func(t *testing.T) {
		require.Equal(t, http.StatusUpgradeRequired, get(nil, false).StatusCode)
	})
	t.Run("a page of another origin", func(t *testing.T) {
		require.Equal(t, http.StatusForbidden, get(http.Header{"Origin": {"http://evil.example"}}, true).StatusCode)
	})
	t.Run("one connection too many, until one ends", func(t *testing.T) {
		ws, res, err := websocket.DefaultDialer.DialContext(t.Context(), url, http.Header{"Origin": {"http" + strings.TrimPrefix(url, "ws")}})
		require.NoError(t, err, "the same origin is welcome")
		require.NoError(t, res.Body.Close())
		res = get(nil, true)
		require.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
		require.Equal(t, "1", res.Header.Get("Retry-After"))
		require.NoError(t, ws.Close())
		require.Eventually(t, func() bool {
			ws, res, err := websocket.DefaultDialer.DialContext(t.Context(), url, nil)
			if err != nil {
				return false
			}
			return res.Body.Close() == nil && ws.Close() == nil
		}, 5*time.Second, 5*time.Millisecond)
	})
}

func TestOptionsAreChecked(t *testing.T) {
	for name, test := range map[string]struct {
		options Options
		want    string
	}{
		"an unknown format":       {Options{Format: "xml"}, `receiver: option Format: "xml" is not one of [auto csv form forward gelf json json_array json_lines json_stream log ltsv msgpack raw raw_lines]`},
		"an unknown ack mode":     {Options{Ack: "ping"}, `receiver: option Ack: "ping" is not one of [auto none]`},
		"a negative limit":        {Options{MaxMessageBytes: -1}, "can't be negative"},
		"a negative time limit":   {Options{CloseTimeout: -1}, "can't be negative"},
		"a separator of two":      {Options{CSV: decode.CSVOptions{Separator: "::"}}, `receiver: option CSV.Separator: "::" can't be one`},
		"a quote as separator":    {Options{CSV: decode.CSVOptions{Separator: `"`}}, `receiver: option CSV.Separator: "\"" can't be one`},
		"a column without name":   {Options{CSV: decode.CSVOptions{Fields: []string{"a", ""}}}, "receiver: option CSV.Fields: a name is empty"},
		"one delimiter for all":   {Options{LTSV: decode.LTSVOptions{LabelDelimiter: "\t"}}, "receiver: options LTSV.Delimiter and LTSV.LabelDelimiter can't be the same"},
		"users without a key":     {Options{Forward: handshake.Options{Users: map[string]string{"a": "b"}}}, "receiver: option Forward.Users: needs SharedKey"},
		"a key beyond all sense":  {Options{Forward: handshake.Options{SharedKey: strings.Repeat("k", 1025)}}, "receiver: option Forward.SharedKey: longer than 1024 bytes"},
		"a name beyond all sense": {Options{Forward: handshake.Options{SharedKey: "k", Hostname: strings.Repeat("h", 1025)}}, "receiver: option Forward.Hostname: longer than 1024 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New(new(memorySink), test.options)
			require.ErrorContains(t, err, test.want)
		})
	}
	_, err := New(nil, Options{})
	require.EqualError(t, err, "receiver: a Sink is missing")
}
