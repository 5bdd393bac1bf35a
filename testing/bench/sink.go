// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"

	"github.com/gorilla/websocket"
)

// sinks are the servers that the outputs send to. They count bytes and discard
// them.
type sinks struct {
	websocket  *httptest.Server
	lumberjack net.Listener
	redis      net.Listener

	bytes atomic.Int64                 // of events as they arrived, after inflating
	wire  atomic.Int64                 // read from the sockets of WebSocket connections
	lines atomic.Pointer[func([]byte)] // called with each line of a WebSocket message; may be nil
}

func startSinks(ctx context.Context) (*sinks, error) {
	s := &sinks{}
	s.websocket = httptest.NewUnstartedServer(http.HandlerFunc(s.serveWebSocket))
	s.websocket.Listener = countingListener{s.websocket.Listener, &s.wire}
	s.websocket.Start()
	var err error
	if s.lumberjack, err = s.listen(ctx, s.serveLumberjack); err != nil {
		return nil, err
	}
	s.redis, err = s.listen(ctx, s.serveRedis)
	return s, err
}

func (s *sinks) close() {
	s.websocket.Close()
	for _, listener := range []net.Listener{s.lumberjack, s.redis} {
		_ = listener.Close() // at the end of the program
	}
}

func (s *sinks) listen(ctx context.Context, serve func(net.Conn) error) (net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				_ = serve(conn) // the end of a run; a run whose events do not arrive fails
				_ = conn.Close()
			}()
		}
	}()
	return listener, nil
}

// serveWebSocket takes messages. The library answers Pings.
func (s *sinks) serveWebSocket(w http.ResponseWriter, r *http.Request) {
	upgrader := websocket.Upgrader{ReadBufferSize: 64 << 10, EnableCompression: true}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // the client has its answer
	}
	defer func() { _ = conn.Close() }()
	for {
		_, message, err := conn.NextReader()
		if err != nil {
			return // the end of a run
		}
		bytes, err := s.take(message)
		if err != nil {
			return
		}
		s.bytes.Add(bytes)
	}
}

func (s *sinks) take(message io.Reader) (bytes int64, err error) {
	take := s.lines.Load()
	if take == nil {
		return io.Copy(io.Discard, message)
	}
	lines := bufio.NewScanner(message)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		(*take)(lines.Bytes())
		bytes += int64(len(lines.Bytes()))
	}
	return bytes, lines.Err()
}

func (s *sinks) webSocketURL() string {
	return "ws" + strings.TrimPrefix(s.websocket.URL, "http")
}

// countingListener counts what its connections read.
type countingListener struct {
	net.Listener
	bytes *atomic.Int64
}

func (l countingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return countingConn{conn, l.bytes}, nil
}

type countingConn struct {
	net.Conn
	bytes *atomic.Int64
}

func (c countingConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.bytes.Add(int64(n))
	return n, err
}
