// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"

	"github.com/gorilla/websocket"
)

// sink is a WebSocket server that counts messages and their bytes. The library
// answers Pings.
type sink struct {
	server          *httptest.Server
	messages, bytes atomic.Int64
}

func startSink() *sink {
	s := &sink{}
	s.server = httptest.NewServer(http.HandlerFunc(s.serve))
	return s
}

func (s *sink) serve(w http.ResponseWriter, r *http.Request) {
	upgrader := websocket.Upgrader{ReadBufferSize: 64 << 10}
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
		bytes, err := io.Copy(io.Discard, message)
		if err != nil {
			return
		}
		s.messages.Add(1)
		s.bytes.Add(bytes)
	}
}

func (s *sink) url() string { return "ws" + strings.TrimPrefix(s.server.URL, "http") }
