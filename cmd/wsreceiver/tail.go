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
	"time"

	"filebeat-websocket/receiver"
	"filebeat-websocket/receiver/tail"
)

const (
	// tailTimeout is how long the page may take to end.
	tailTimeout = time.Second

	tailPath  = "/"
	tailFiles = "/tail/"
)

// checkTailPath rejects a path for records that the page uses.
func checkTailPath(on bool, path string) error {
	if on && (path == tailPath || strings.HasPrefix(path, tailFiles)) {
		return fmt.Errorf("%s is reserved for the live tail", path)
	}
	return nil
}

// liveTail is the page with --tail. The zero value has no page.
type liveTail struct{ tail *tail.Tail }

// openTail opens the page with --tail. It requires the same tokens as the receiver.
func openTail(s settings, guard admission) liveTail {
	if !s.tail {
		return liveTail{}
	}
	return liveTail{tail.New(tail.Options{Guard: guard.guard, Ingest: s.path})}
}

// tee shows on the page what sink takes.
func (l liveTail) tee(sink receiver.Sink) receiver.Sink {
	if l.tail == nil {
		return sink
	}
	return tail.Tee(l.tail, sink)
}

// observer shows connections on the page.
func (l liveTail) observer() receiver.Observer {
	if l.tail == nil {
		return receiver.Observer{}
	}
	return l.tail.Observer()
}

// handler serves the page, and passes everything else to next.
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

// say logs the address of the page, and warns if anyone can read it.
func (l liveTail) say(log *slog.Logger, guard admission, s settings, address string, loopback bool) {
	if l.tail == nil {
		return
	}
	scheme := strings.Replace(guard.scheme(), "ws", "http", 1)
	if !loopback && !guard.guard.NeedsToken() && s.clientCA == "" {
		log.Warn("anyone who reaches this address can read records in the live tail", "address", address)
	}
	log.Info("live tail", "url", (&url.URL{Scheme: scheme, Host: address, Path: tailPath}).String())
}

// shutdown ends the streams: http.Server.Shutdown would wait for them.
func (l liveTail) shutdown(ctx context.Context) {
	if l.tail != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tailTimeout)
		defer cancel()
		_ = l.tail.Shutdown(ctx) // nothing depends on it
	}
}
