// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"bufio"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"filebeat-websocket/protocol"
)

// patience is how long a test waits for what has to come.
const patience = 20 * time.Second

// traffic counts what crosses the socket.
type traffic struct{ read, written, before, after atomic.Int64 }

func (c *traffic) ReadBytes(bytes int)  { c.read.Add(int64(bytes)) }
func (c *traffic) WriteBytes(bytes int) { c.written.Add(int64(bytes)) }

func (c *traffic) MessageBytes(before, after int) {
	c.before.Add(int64(before))
	c.after.Add(int64(after))
}

func testOptions() Options {
	return Options{
		URL:            &url.URL{Scheme: "ws", Host: "peer.test:80", Path: "/"},
		ConnectTimeout: patience,
		WriteTimeout:   patience,
		MaxReadBytes:   1 << 20,
		Traffic:        &traffic{},
		Resolve:        func(_ context.Context, host string) ([]string, error) { return []string{host}, nil },
	}
}

// dialing makes options dial to that end of a connection.
func dialing(end net.Conn) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) { return end, nil }
}

// peer is the server's side, byte by byte.
type peer struct {
	t *testing.T
	net.Conn
	in *bufio.Reader
}

// wireFrame is a frame as peer reads it; the reader is written apart from the
// code under test.
type wireFrame struct {
	fin     bool
	opcode  byte
	payload []byte
}

// rsv1 is the bit RSV1, which a frame has beside its opcode here.
const rsv1 byte = 0x40

// tcpPair returns the two ends of a TCP connection.
func tcpPair(t *testing.T) (client, server net.Conn) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	client, err = (&net.Dialer{}).DialContext(t.Context(), "tcp", listener.Addr().String())
	require.NoError(t, err)
	server, err = listener.Accept()
	require.NoError(t, err)
	return client, server
}

// openConn dials over a pipe, in which a write blocks until it is read, or over
// another pair of ends.
func openConn(t *testing.T, options Options, ends ...net.Conn) (*Conn, *peer) {
	t.Helper()
	if len(ends) == 0 {
		client, server := net.Pipe()
		ends = []net.Conn{client, server}
	}
	p := &peer{t: t, Conn: ends[1], in: bufio.NewReader(ends[1])}
	upgraded := make(chan error, 1)
	go func() { upgraded <- p.upgrade() }()
	options.Dial = dialing(ends[0])
	c, err := Dial(t.Context(), options)
	require.NoError(t, err)
	require.NoError(t, <-upgraded)
	t.Cleanup(func() {
		c.Cut()
		_ = p.Close()
	})
	return c, p
}

func (p *peer) upgrade() error {
	request, err := http.ReadRequest(p.in)
	if err != nil {
		return err
	}
	answer := switching(request.Header.Get("Sec-Websocket-Key"))
	if offer := request.Header.Get("Sec-Websocket-Extensions"); offer != "" {
		answer = withHeader(answer, "Sec-WebSocket-Extensions: "+offer)
	}
	_, err = io.WriteString(p, answer)
	return err
}

// withHeader adds lines to the header of an answer.
func withHeader(answer string, lines ...string) string {
	return strings.TrimSuffix(answer, "\r\n") + strings.Join(lines, "\r\n") + "\r\n\r\n"
}

// switching is the answer to an upgrade request with that key (RFC 6455 4.2.2).
func switching(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
		base64.StdEncoding.EncodeToString(sum[:]) + "\r\n\r\n"
}

// frame reads a frame and holds it to RFC 6455 5.2: masked, with the shortest
// length that fits.
func (p *peer) frame() (wireFrame, error) {
	var head [2]byte
	if _, err := io.ReadFull(p.in, head[:]); err != nil {
		return wireFrame{}, err
	}
	if head[0]&0x30 != 0 || head[1]&0x80 == 0 {
		return wireFrame{}, fmt.Errorf("reserved bits or no mask: %x", head)
	}
	length := uint64(head[1] & 0x7F)
	switch length {
	case 126:
		var wide [2]byte
		if _, err := io.ReadFull(p.in, wide[:]); err != nil {
			return wireFrame{}, err
		}
		if length = uint64(binary.BigEndian.Uint16(wide[:])); length < 126 {
			return wireFrame{}, errors.New("the length is longer than it has to be")
		}
	case 127:
		var wide [8]byte
		if _, err := io.ReadFull(p.in, wide[:]); err != nil {
			return wireFrame{}, err
		}
		if length = binary.BigEndian.Uint64(wide[:]); length < 1<<16 {
			return wireFrame{}, errors.New("the length is longer than it has to be")
		}
	}
	rest := make([]byte, 4+length)
	if _, err := io.ReadFull(p.in, rest); err != nil {
		return wireFrame{}, err
	}
	key, payload := rest[:4], rest[4:]
	for i := range payload {
		payload[i] ^= key[i%4]
	}
	return wireFrame{fin: head[0]&0x80 != 0, opcode: head[0] & 0x4F, payload: payload}, nil
}

// next reads a frame that has to come.
func (p *peer) next() wireFrame {
	p.t.Helper()
	require.NoError(p.t, p.SetReadDeadline(time.Now().Add(patience)))
	f, err := p.frame()
	require.NoError(p.t, err)
	return f
}

// nothing asserts that no further byte comes before the connection ends.
func (p *peer) nothing() {
	p.t.Helper()
	_ = p.SetReadDeadline(time.Now().Add(patience)) // fails on a pipe that has ended
	rest, err := io.ReadAll(p.in)
	require.NotErrorIs(p.t, err, os.ErrDeadlineExceeded, "the connection goes on")
	require.Empty(p.t, rest)
}

// send writes bytes as they are.
func (p *peer) send(bytes []byte) {
	p.t.Helper()
	require.NoError(p.t, p.SetWriteDeadline(time.Now().Add(patience)))
	_, err := p.Write(bytes)
	require.NoError(p.t, err)
}

// serverFrame is an unmasked frame.
func serverFrame(opcode byte, payload string) []byte {
	frame := []byte{0x80 | opcode}
	switch {
	case len(payload) < 126:
		frame = append(frame, byte(len(payload)))
	case len(payload) < 1<<16:
		frame = binary.BigEndian.AppendUint16(append(frame, 126), uint16(len(payload)))
	default:
		frame = binary.BigEndian.AppendUint64(append(frame, 127), uint64(len(payload)))
	}
	return append(frame, payload...)
}

// closePayload is what a Close frame with that code carries.
func closePayload(code protocol.CloseCode, reason string) string {
	return string(binary.BigEndian.AppendUint16(nil, uint16(code))) + reason
}

// inbox is a Handler that passes on what comes in.
type inbox struct {
	pongs    chan string
	messages chan string
	heard    chan struct{}
	ended    chan error // what Read returned
}

// reading runs Read in a goroutine.
func reading(t *testing.T, c *Conn) *inbox {
	t.Helper()
	in := &inbox{
		pongs:    make(chan string, 100),
		messages: make(chan string, 100),
		heard:    make(chan struct{}, 100),
		ended:    make(chan error, 1),
	}
	go func() { in.ended <- c.Read(in) }()
	return in
}

func (in *inbox) Pong(payload []byte)    { in.pongs <- string(payload) }
func (in *inbox) Message(payload []byte) { in.messages <- string(payload) }

// Heard drops what the test does not wait for.
func (in *inbox) Heard() {
	select {
	case in.heard <- struct{}{}:
	default:
	}
}

// take receives from ch what has to come.
func take[T any](t *testing.T, ch <-chan T) T {
	t.Helper()
	select {
	case value := <-ch:
		return value
	case <-time.After(patience):
		require.FailNow(t, "nothing came")
		panic("unreachable")
	}
}

// appending returns an appendTo for AppendMessage.
func appending(message string) (size int, appendTo func([]byte) []byte) {
	return len(message), func(dst []byte) []byte { return append(dst, message...) }
}

// gorilla connects to the other implementation's server side.
func gorilla(t *testing.T, options Options) (*Conn, *websocket.Conn) {
	t.Helper()
	client, server := tcpPair(t)
	type result struct {
		ws  *websocket.Conn
		err error
	}
	results := make(chan result, 1)
	go func() {
		in := bufio.NewReader(server)
		request, err := http.ReadRequest(in)
		if err != nil {
			results <- result{err: err}
			return
		}
		upgrader := websocket.Upgrader{EnableCompression: true}
		ws, err := upgrader.Upgrade(&hijacker{server, in}, request, nil)
		results <- result{ws, err}
	}()
	options.Dial = dialing(client)
	c, err := Dial(t.Context(), options)
	require.NoError(t, err)
	r := take(t, results)
	require.NoError(t, r.err)
	require.NoError(t, r.ws.SetReadDeadline(time.Now().Add(patience)))
	t.Cleanup(func() {
		c.Cut()
		_ = r.ws.Close()
	})
	return c, r.ws
}

// hijacker is the http.ResponseWriter of a connection without net/http's server.
type hijacker struct {
	net.Conn
	in *bufio.Reader
}

func (h *hijacker) Header() http.Header { return http.Header{} }
func (h *hijacker) WriteHeader(int)     {}
func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return h.Conn, bufio.NewReadWriter(h.in, bufio.NewWriter(h.Conn)), nil
}
