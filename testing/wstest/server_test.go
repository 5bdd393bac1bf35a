// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package wstest

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// client is a gorilla client whose reader goroutine puts what it gets into
// channels.
type client struct {
	*websocket.Conn
	messages chan string
	pongs    chan string
	ended    chan error
}

func dial(t testing.TB, s *Server, subprotocols ...string) *client {
	t.Helper()
	dialer := websocket.Dialer{Subprotocols: subprotocols}
	ws, res, err := dialer.DialContext(t.Context(), s.URL(), nil)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	c := &client{Conn: ws, messages: make(chan string, 100), pongs: make(chan string, 100), ended: make(chan error, 1)}
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

// dialError is a dial that must fail.
func dialError(t *testing.T, s *Server) (*http.Response, error) {
	t.Helper()
	ws, res, err := websocket.DefaultDialer.DialContext(t.Context(), s.URL(), nil)
	if err == nil {
		_ = ws.Close()
	}
	require.Error(t, err)
	return res, err
}

func (c *client) sendSeq(t testing.TB, numbers ...int) {
	t.Helper()
	for _, n := range numbers {
		require.NoError(t, c.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `{"message":"line seq=%d end"}`, n)))
	}
}

func (c *client) ping(t testing.TB, payload string) {
	t.Helper()
	require.NoError(t, c.WriteControl(websocket.PingMessage, []byte(payload), deadline()))
}

func deadline() time.Time { return time.Now().Add(5 * time.Second) }

// take fails the test rather than wait forever.
func take[T any](t testing.TB, from <-chan T) T {
	t.Helper()
	ctx, cancel := context.WithDeadline(t.Context(), deadline())
	defer cancel()
	select {
	case v := <-from:
		return v
	case <-ctx.Done():
		require.FailNow(t, "nothing came within 5 s")
		panic("unreachable")
	}
}

func waitFor(t testing.TB, s *Server, done func(Counts) bool) {
	t.Helper()
	ctx, cancel := context.WithDeadline(t.Context(), deadline())
	defer cancel()
	require.NoError(t, s.Wait(ctx, done))
}

func TestAHealthyServer(t *testing.T) {
	t.Run("counts unique, duplicate and missing numbers", func(t *testing.T) {
		s := Start(t)
		c := dial(t, s)
		c.sendSeq(t, 1, 2, 3, 3, 6)
		require.NoError(t, c.WriteMessage(websocket.BinaryMessage, []byte("seq=7\nseq=8 seq=x seq=1234567890123456789 seq=")))
		c.ping(t, "p1")
		require.Equal(t, "p1", take(t, c.pongs))
		require.Equal(t, Counts{Unique: 6, Duplicate: 1, MaxSeq: 8, MaxTimes: 2, Messages: 6, Pings: 1, Connections: 1, Upgraded: 1, Open: 1}, s.Counts())
		require.Equal(t, []int{4, 5, 9}, s.Missing(1, 9))
		require.Len(t, s.Missing(100, 1000), missingMax)
		require.Empty(t, s.Records(), "not kept unless asked for")
	})
	t.Run("keeps records with their opcode and connection", func(t *testing.T) {
		s := Start(t, KeepRecords())
		c := dial(t, s)
		require.NoError(t, c.WriteMessage(websocket.TextMessage, []byte("one")))
		require.NoError(t, c.WriteMessage(websocket.BinaryMessage, []byte{0xff}))
		c.ping(t, "")
		take(t, c.pongs)
		require.Equal(t, []Record{{1, opText, []byte("one")}, {1, opBinary, []byte{0xff}}}, s.Records())
	})
	t.Run("puts fragments together", func(t *testing.T) {
		s := Start(t, KeepRecords())
		// gorilla cuts a message into frames at the size of its write buffer.
		dialer := websocket.Dialer{WriteBufferSize: 128}
		ws, res, err := dialer.DialContext(t.Context(), s.URL(), nil)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		message := strings.Repeat("fragmented seq=5 ", 100_000)
		require.NoError(t, ws.WriteMessage(websocket.TextMessage, []byte(message)))
		waitFor(t, s, func(c Counts) bool { return c.Messages == 1 })
		require.Equal(t, message, string(s.Records()[0].Data))
		require.Equal(t, Counts{Unique: 1, Duplicate: 99_999, MaxSeq: 5, MaxTimes: 100_000, Messages: 1, Connections: 1, Upgraded: 1, Open: 1}, s.Counts())
		require.NoError(t, ws.Close())
	})
	t.Run("answers a Close frame and tells its code and the request", func(t *testing.T) {
		s := Start(t, WithSubprotocols("b", "c"))
		dialer := websocket.Dialer{Subprotocols: []string{"a", "b", "c"}}
		ws, res, err := dialer.DialContext(t.Context(), s.URL()+"some/path?q=1", http.Header{"X-Test": {"yes"}})
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.Equal(t, "b", ws.Subprotocol())
		require.NoError(t, ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(1000, "bye"), deadline()))
		_, _, err = ws.ReadMessage()
		require.Equal(t, &websocket.CloseError{Code: 1000, Text: "bye"}, err)
		require.NoError(t, ws.Close())
		waitFor(t, s, func(c Counts) bool { return c.Upgraded == 1 && c.Open == 0 })
		conns := s.Conns()
		require.Len(t, conns, 1)
		require.Equal(t, 1000, conns[0].CloseCode)
		require.False(t, conns[0].Open)
		require.Equal(t, "yes", conns[0].Request.Header.Get("X-Test"))
		require.Equal(t, "/some/path?q=1", conns[0].Request.RequestURI)
	})
	t.Run("Wait gives up with its context and says where the counts stood", func(t *testing.T) {
		s := Start(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := s.Wait(ctx, func(c Counts) bool { return c.Unique > 0 })
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorContains(t, err, "Unique:0")
	})
}

func TestStopKillAndReset(t *testing.T) {
	t.Run("Stop sends 1001 and the address can be used again", func(t *testing.T) {
		s := Start(t)
		c := dial(t, s)
		stopped := make(chan struct{})
		go func() {
			s.Stop()
			close(stopped)
		}()
		require.Equal(t, &websocket.CloseError{Code: closeGoingAway}, take(t, c.ended))
		require.NoError(t, c.Close())
		take(t, stopped)
		_, _ = dialError(t, s)
		again := Start(t, WithAddr(s.Addr()))
		dial(t, again).ping(t, "x")
		waitFor(t, again, func(c Counts) bool { return c.Pings == 1 })
	})
	t.Run("Stop does not wait for a client that never closes", func(t *testing.T) {
		s := Start(t, WithFaults(Fault{StopReadingAtMessage: AtOpen}, Fault{HangUpgrade: true}))
		dial(t, s)
		hanging, err := net.Dial("tcp", s.Addr()) //nolint:noctx // closed three lines down
		require.NoError(t, err)
		waitFor(t, s, func(c Counts) bool { return c.Connections == 2 })
		s.Stop()
		require.NoError(t, hanging.Close())
		require.Zero(t, s.Counts().Open)
	})
	t.Run("Kill resets connections and stops listening", func(t *testing.T) {
		s := Start(t)
		c := dial(t, s)
		s.Kill()
		require.ErrorContains(t, take(t, c.ended), "connection reset by peer")
		_, _ = dialError(t, s)
	})
	t.Run("Reset goes on listening", func(t *testing.T) {
		s := Start(t)
		c := dial(t, s)
		waitFor(t, s, func(c Counts) bool { return c.Open == 1 })
		s.Reset()
		require.ErrorContains(t, take(t, c.ended), "connection reset by peer")
		dial(t, s)
		waitFor(t, s, func(c Counts) bool { return c.Upgraded == 2 })
	})
	t.Run("a listener of the caller's own is used", func(t *testing.T) {
		ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		s, err := Open(WithListener(ln))
		require.NoError(t, err)
		require.Equal(t, ln.Addr().String(), s.Addr())
		s.Stop()
		_, err = Open(WithAddr("256.0.0.1:0"))
		require.Error(t, err)
	})
}

// rawDial upgrades by hand, for frames that gorilla does not send.
func rawDial(t *testing.T, s *Server, request string) (net.Conn, *bufio.Reader, *http.Response) {
	t.Helper()
	raw, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.Addr())
	require.NoError(t, err)
	t.Cleanup(func() { _ = raw.Close() })
	require.NoError(t, raw.SetDeadline(deadline()))
	_, err = raw.Write([]byte(request))
	require.NoError(t, err)
	br := bufio.NewReader(raw)
	res, err := http.ReadResponse(br, nil)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	return raw, br, res
}

const goodUpgrade = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

func TestViolationsOfTheClientAreListed(t *testing.T) {
	masked := func(first byte, payload string) string {
		return string([]byte{first, 0x80 | byte(len(payload)), 0, 0, 0, 0}) + payload
	}
	for name, test := range map[string]struct{ frames, violation string }{
		"an unmasked frame":                      {"\x81\x01x", "not masked"},
		"a reserved bit":                         {masked(0xc1, "x"), "reserved bits"},
		"an unknown opcode":                      {masked(0x83, "x"), "opcode 0x3"},
		"a fragmented Ping":                      {masked(0x09, "x"), "control frame"},
		"a Ping of 126 bytes":                    {"\x89\xfe\x00\x7e", "control frame"},
		"a length of two bytes where one does":   {"\x81\xfe\x00\x7d", "shortest form"},
		"a length of eight bytes where two do":   {"\x81\xff\x00\x00\x00\x00\x00\x00\xff\xff", "shortest form"},
		"a length beyond all bounds":             {"\x81\xff\x00\x00\x01\x00\x00\x00\x00\x00", "frame of"},
		"a continuation of nothing":              {masked(0x80, "x"), "continuation"},
		"a message inside of another":            {masked(0x01, "x") + masked(0x81, "y"), "continuation"},
		"text that is not UTF-8":                 {masked(0x81, "\xff"), "not UTF-8"},
		"a Close frame with one byte":            {masked(0x88, "x"), "close frame"},
		"a Close frame with code 1005":           {masked(0x88, "\x03\xed"), "close frame"},
		"a Close frame whose reason is not text": {masked(0x88, "\x03\xe8\xff"), "close frame"},
	} {
		t.Run(name, func(t *testing.T) {
			s := Start(t, AllowViolations())
			raw, br, res := rawDial(t, s, goodUpgrade)
			require.Equal(t, http.StatusSwitchingProtocols, res.StatusCode)
			require.Equal(t, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", res.Header.Get("Sec-Websocket-Accept"), "the example of RFC 6455 1.3")
			_, err := raw.Write([]byte(test.frames))
			require.NoError(t, err)
			head, err := br.Peek(4)
			require.NoError(t, err)
			require.Equal(t, 0x80|opClose, head[0])
			require.Len(t, s.Violations(), 1)
			require.Contains(t, s.Violations()[0], test.violation)
		})
	}
	t.Run("an upgrade request without a key", func(t *testing.T) {
		s := Start(t, AllowViolations())
		_, _, res := rawDial(t, s, strings.Replace(goodUpgrade, "Sec-WebSocket-Key", "X", 1))
		require.Equal(t, http.StatusBadRequest, res.StatusCode)
		require.Len(t, s.Violations(), 1)
	})
	t.Run("but not a client that vanishes inside of a frame", func(t *testing.T) {
		s := Start(t)
		raw, _, _ := rawDial(t, s, goodUpgrade)
		_, err := raw.Write([]byte("\x81\xfe\x01\x00half"))
		require.NoError(t, err)
		require.NoError(t, raw.Close())
		waitFor(t, s, func(c Counts) bool { return c.Upgraded == 1 && c.Open == 0 })
		require.Empty(t, s.Violations())
	})
	t.Run("nor frames sent in one segment with the upgrade request", func(t *testing.T) {
		s := Start(t, KeepRecords())
		rawDial(t, s, goodUpgrade+masked(0x81, "early"))
		waitFor(t, s, func(c Counts) bool { return c.Messages == 1 })
		require.Equal(t, "early", string(s.Records()[0].Data))
	})
}
