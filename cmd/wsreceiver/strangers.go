// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"

	"filebeat-websocket/receiver/metrics"
)

// strangerWatch notices connections that send something other than an HTTP request.
// net/http answers these with 400 by itself and says nothing. It matters because of
// Fluent Bit's websocket output: after a lost connection it sends frames without an
// upgrade, and loses what is in them.
type strangerWatch struct {
	log      *slog.Logger
	counters *metrics.Metrics // nil if nobody wants them

	lines occasional

	mutex sync.Mutex
	known map[net.Conn]bool // active connections, and whether a request was read
}

func newStrangerWatch(log *slog.Logger, counters *metrics.Metrics) *strangerWatch {
	return &strangerWatch{log: log, counters: counters, lines: occasional{interval: refusalInterval}, known: map[net.Conn]bool{}}
}

type connKey struct{}

// connContext is for http.Server.ConnContext.
func (s *strangerWatch) connContext(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, conn)
}

// handler notes that a request was read on its connection.
func (s *strangerWatch) handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if conn, ok := r.Context().Value(connKey{}).(net.Conn); ok {
			s.mutex.Lock()
			s.known[conn] = true
			s.mutex.Unlock()
		}
		next.ServeHTTP(w, r)
	})
}

// connState is for http.Server.ConnState. A connection is active from the first byte
// of a request to the end of the answer.
func (s *strangerWatch) connState(conn net.Conn, state http.ConnState) {
	if s.sentNoRequest(conn, state) {
		s.note(conn)
	}
}

func (s *strangerWatch) sentNoRequest(conn net.Conn, state http.ConnState) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	switch state {
	case http.StateActive:
		s.known[conn] = false
	case http.StateIdle, http.StateHijacked:
		delete(s.known, conn)
	case http.StateClosed:
		wasRead, wasActive := s.known[conn]
		delete(s.known, conn)
		return wasActive && !wasRead
	}
	return false
}

func (s *strangerWatch) note(conn net.Conn) {
	if s.counters != nil {
		s.counters.RefuseRequest(http.StatusBadRequest)
	}
	if more, ok := s.lines.due(); ok {
		s.log.Warn("a connection sent something other than an HTTP request, which is lost",
			"remote", conn.RemoteAddr().String(), "more_before", more,
			"hint", "a WebSocket client that lost its connection has to upgrade again; Fluent Bit's websocket output does not")
	}
}
