// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
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
)

// serve takes records until ctx ends. It returns an error if it could not
// begin, or not go on.
func serve(ctx context.Context, s settings, stdout io.Writer, log *slog.Logger) (err error) {
	store, commit, err := openStore(s, stdout)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()

	ingest, err := receiver.New(receiver.Options{
		Consume:         store.Consume,
		Commit:          commit,
		Format:          s.format,
		Ack:             s.ack,
		MaxMessageBytes: int64(s.maxMessageBytes),
		MaxConnections:  s.maxConnections,
		OnOpen:          logOpen(log, s.quiet),
		OnClose:         logClose(log, s.quiet),
		OnRefuse:        newRefusalLog(log).note,
	})
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.listen)
	if err != nil {
		return err
	}
	var shutting atomic.Bool
	server := &http.Server{
		Handler:           routes(s.path, ingest, health(store, &shutting)),
		ReadHeaderTimeout: readHeaderTimeout,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	address := listener.Addr().String()
	if !isLoopback(listener.Addr()) {
		log.Warn("anyone who reaches this address can write records: it is not a loopback address", "address", address)
	}
	log.Info("listening", "url", (&url.URL{Scheme: "ws", Host: address, Path: s.path}).String())

	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	var failure error
	select {
	case failure = <-served:
	case <-ctx.Done():
		log.Info("shutting down")
	}
	shutting.Store(true)
	shutdown(context.WithoutCancel(ctx), ingest, server, log)
	if failure == nil {
		failure = <-served
	}
	if errors.Is(failure, http.ErrServerClosed) {
		return nil
	}
	return failure
}

// openStore opens the output. commit is nil where there is nothing to sync, or
// nobody wants it synced.
func openStore(s settings, stdout io.Writer) (store *receiver.Store, commit func(context.Context) error, err error) {
	switch {
	case s.out == "-":
		return receiver.NewStore(stdout), nil, nil
	case !s.sync:
		store, err = receiver.OpenUnsyncedStore(s.out)
		return store, nil, err
	}
	if store, err = receiver.OpenStore(s.out); err != nil {
		return nil, nil, err
	}
	return store, store.Commit, nil
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
func routes(path string, ingest, health http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case path:
			ingest.ServeHTTP(w, r)
		case healthPath:
			health.ServeHTTP(w, r)
		default:
			http.Error(w, fmt.Sprintf("records go to %s", path), http.StatusNotFound)
		}
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

func isLoopback(address net.Addr) bool {
	tcp, ok := address.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}
