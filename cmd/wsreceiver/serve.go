// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"filebeat-websocket/receiver"
)

const (
	// shutdownTimeout is how long connections have to come to an end; a little
	// less than the 10 s that `docker stop` gives.
	shutdownTimeout = 8 * time.Second
	// requestTimeout is how long requests other than upgrades have then.
	requestTimeout = time.Second
	// readHeaderTimeout is for clients that connect and say nothing.
	readHeaderTimeout = 10 * time.Second
	// idleTimeout is for connections of browsers and health checks between requests.
	idleTimeout = time.Minute
	// maxHeaderBytes bounds what a request costs before anyone has looked at it.
	maxHeaderBytes = 64 << 10
)

// serve takes records until ctx ends. It returns an error if it could not
// begin, or not go on.
func serve(ctx context.Context, s settings, stdout io.Writer, log *slog.Logger) (err error) {
	access, err := openAccess(s, log)
	if err != nil {
		return err
	}
	store, commit, err := openStore(s, stdout)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()

	options := receiver.Options{
		Consume:         store.Consume,
		Commit:          commit,
		Format:          s.format,
		Ack:             s.ack,
		MaxMessageBytes: int64(s.maxMessageBytes),
		MaxConnections:  s.maxConnections,
		OnOpen:          logOpen(log, s.quiet),
		OnClose:         logClose(log, s.quiet),
		OnRefuse:        newRefusalLog(log).note,
	}
	options.Forward.SharedKey = access.sharedKey
	counts, err := watched(s, &options)
	if err != nil {
		return err
	}
	live := openTail(s, access, &options)
	defer live.shutdown(ctx)
	ingest, err := receiver.New(options)
	if err != nil {
		return err
	}
	var shutting atomic.Bool
	pages := map[string]http.Handler{
		s.path:     access.require(ingest),
		healthPath: health(store, &shutting),
	}
	if counts != nil {
		pages[s.path] = counts.CountRequests(pages[s.path])
		pages[metricsPath] = access.require(counts.Handler())
	}
	listener, err := access.listen(ctx, s.listen)
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:           live.handler(routes(s.path, pages)),
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	access.warn(log, s, listener.Addr())
	log.Info("listening", "url", (&url.URL{Scheme: access.scheme(), Host: listener.Addr().String(), Path: s.path}).String())
	live.say(log, access, s, listener.Addr().String(), isLoopback(listener.Addr()))

	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	var failure error
	select {
	case failure = <-served:
	case <-ctx.Done():
		log.Info("shutting down")
	}
	shutting.Store(true)
	live.shutdown(ctx)
	shutdown(context.WithoutCancel(ctx), ingest, server, log)
	if failure == nil {
		failure = <-served
	}
	if errors.Is(failure, http.ErrServerClosed) {
		return nil
	}
	return failure
}

// shutdown ends connections first. The listener stays open for the while, so
// that who asks gets a 503.
func shutdown(ctx context.Context, ingest *receiver.Handler, server *http.Server, log *slog.Logger) {
	deadline, cancel := context.WithTimeout(ctx, shutdownTimeout)
	defer cancel()
	if err := ingest.Shutdown(deadline); err != nil {
		// What they sent is not confirmed, so they send it again.
		log.Warn("some connections did not end in time", "error", err)
	}
	deadline, cancel = context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	if server.Shutdown(deadline) != nil {
		_ = server.Close() // only who never sent a request is left
	}
}

// routes does without http.ServeMux, to whose patterns a path such as /a/ or
// /{x} would be more than a path.
func routes(path string, pages map[string]http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if page := pages[r.URL.Path]; page != nil {
			page.ServeHTTP(w, r)
			return
		}
		http.Error(w, fmt.Sprintf("records go to %s", path), http.StatusNotFound)
	})
}

// health says ok, or 503 with the reason during the shutdown and while the
// output fails, which is until the next record can be written.
func health(store *receiver.Store, shutting *atomic.Bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		failed := store.Failed()
		switch {
		case shutting.Load():
			http.Error(w, "shutting down", http.StatusServiceUnavailable)
		case failed != nil:
			http.Error(w, failed.Reason, http.StatusServiceUnavailable)
		default:
			_, _ = io.WriteString(w, "ok") // the client is gone, if anything
		}
	})
}
