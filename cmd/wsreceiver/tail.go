// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"filebeat-websocket/receiver"
	"filebeat-websocket/receiver/tail"
)

const (
	tailPath  = "/"
	tailFiles = "/tail/"
)

// checkTailPath keeps the records' path apart from the page's.
func checkTailPath(on bool, path string) error {
	if on && (path == tailPath || strings.HasPrefix(path, tailFiles)) {
		return fmt.Errorf("%s is the live tail's", path)
	}
	return nil
}

// liveTail is the page, if it is wanted. The zero value is none.
type liveTail struct{ tail *tail.Tail }

// openTail opens the page, if it is wanted. It wants the tokens that the receiver
// wants.
func openTail(s settings, guard admission) liveTail {
	if !s.tail {
		return liveTail{}
	}
	var options tail.Options
	if guard.tokens != nil {
		options.Valid = guard.tokens.Valid
	}
	return liveTail{tail.New(options)}
}

// tee has the page see what sink takes.
func (l liveTail) tee(sink receiver.Sink) receiver.Sink {
	if l.tail == nil {
		return sink
	}
	return tail.Tee(l.tail, sink)
}

// observer has the page see connections.
func (l liveTail) observer() receiver.Observer {
	if l.tail == nil {
		return receiver.Observer{}
	}
	return l.tail.Observer()
}

// handler serves the page, and leaves everything else to next.
func (l liveTail) handler(next http.Handler) http.Handler {
	if l.tail == nil {
		return next
	}
	page := l.tail.Handler()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == tailPath || strings.HasPrefix(r.URL.Path, tailFiles) {
			page.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// say tells where the page is, and who can read it.
func (l liveTail) say(log *slog.Logger, guard admission, s settings, address string, loopback bool) {
	if l.tail == nil {
		return
	}
	scheme := strings.Replace(guard.scheme(), "ws", "http", 1)
	if !loopback && guard.tokens == nil && s.clientCA == "" {
		log.Warn("anyone who reaches this address can read records in the live tail", "address", address)
	}
	log.Info("live tail", "url", (&url.URL{Scheme: scheme, Host: address, Path: tailPath}).String())
}

// shutdown ends the streams, which would hold up the server's end.
func (l liveTail) shutdown(ctx context.Context) {
	if l.tail != nil {
		_ = l.tail.Shutdown(context.WithoutCancel(ctx)) // there is an end to what it waits for
	}
}
