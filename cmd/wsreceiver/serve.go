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

	"filebeat-websocket/cmd/internal/memory"
	"filebeat-websocket/receiver"
	"filebeat-websocket/receiver/access"
	"filebeat-websocket/receiver/post"
	"filebeat-websocket/receiver/sink/file"
)

const (
	// shutdownTimeout is how long connections may take to close: a little less than
	// the 10 s of `docker stop`.
	shutdownTimeout = 8 * time.Second
	// requestTimeout is how long other requests may take after that.
	requestTimeout = time.Second
	// readHeaderTimeout is for clients that connect and send nothing.
	readHeaderTimeout = 10 * time.Second
	// readTimeout is for requests whose body does not come. Streams take it back.
	readTimeout = 10 * time.Second
	// writeTimeout is for clients that do not read an answer.
	writeTimeout = 30 * time.Second
	// idleTimeout is for connections of browsers and health checks between requests.
	idleTimeout = time.Minute
	// maxHeaderBytes bounds the memory of a request before it is authenticated.
	maxHeaderBytes = 64 << 10
)

// serve accepts records until ctx ends. It returns an error if it could not start
// or had to stop.
func serve(ctx context.Context, s settings, stdout io.Writer, log *slog.Logger) (err error) {
	guard, err := openAdmission(s, log)
	if err != nil {
		return err
	}
	maxMemory := memoryFor(s, memory.Limit())
	output, err := openOutput(ctx, s, stdout, maxMemory, log)
	if err != nil {
		if ctx.Err() != nil {
			return nil // stopped while it began
		}
		return fmt.Errorf("flag --%s: %w", flagOf(err), err)
	}
	defer func() { err = errors.Join(err, output.Close()) }()
	if file, ok := output.(*file.Sink); ok && s.out != standardOutput {
		defer reopenOnHangup(file, log)()
	}

	live := openTail(s, guard)
	defer live.shutdown(ctx)
	sink, counters, err := wrap(ctx, s, output, log)
	if err != nil {
		if ctx.Err() != nil {
			return nil // stopped while it began
		}
		return fmt.Errorf("flag --out: %w", err)
	}
	observers := []receiver.Observer{live.observer(), logObserver(log, s.quiet)}
	if counters != nil {
		observers = append(observers, counters.Observer())
	}
	intake, err := receiver.NewIntake(live.tee(sink), receiver.IntakeOptions{
		MaxMemory:      maxMemory,
		MaxConnections: s.maxConnections,
		Observers:      observers,
	})
	if err != nil {
		return err
	}
	defer func() {
		// Connections have ended: only a Commit that they did not wait for is left.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestTimeout)
		defer cancel()
		intake.Shutdown(ctx)
	}()
	ingest, err := receiver.NewHandler(intake, receiver.Options{
		Format:           s.format,
		Ack:              s.ack,
		Forward:          guard.forward(),
		MaxMessageBytes:  int64(s.maxMessageBytes),
		MaxConnectionAge: s.maxConnectionAge,
		Sender:           access.Sender,
		CheckOrigin:      guard.guard.Origin,
	})
	if err != nil {
		return err
	}
	posts, err := post.New(intake, post.Options{
		MaxBodyBytes: postBytesFor(s, maxMemory),
		CheckOrigin:  guard.guard.Origin,
		Sender:       access.Sender,
	})
	if err != nil {
		return err
	}
	var shutting atomic.Bool
	pages := map[string]http.Handler{
		s.path:     guard.guard.Require(guard.byMethod(posts, ingest)),
		healthPath: health(output, &shutting),
		readyPath:  ready(&shutting),
	}
	if counters != nil {
		pages[s.path] = counters.CountRequests(pages[s.path])
		pages[metricsPath] = guard.guard.SameOriginPage(guard.guard.Require(counters.Handler()))
	}
	listener, err := listen(ctx, s, log)
	if err != nil {
		return err
	}
	fluent, err := openForward(ctx, s, maxMemory, guard, intake, log)
	if err != nil {
		_ = listener.Close()
		return err
	}
	strangers := newStrangerWatch(log, counters)
	server := &http.Server{
		Handler: strangers.handler(live.handler(guard.guard.SameOrigin(routes(s.path, pages)))),
		ConnState: func(conn net.Conn, state http.ConnState) {
			listener.ConnState(conn, state)
			strangers.connState(conn, state)
		},
		ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
			return strangers.connContext(listener.ConnContext(ctx, conn), conn)
		},
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	guard.warn(log, s, listener.Addr())
	log.Info("listening", "url", (&url.URL{Scheme: guard.scheme(), Host: listener.Addr().String(), Path: s.path}).String())
	fluent.serve(s, guard, log)
	live.say(log, guard, s, listener.Addr().String(), isLoopback(listener.Addr()))

	served := make(chan error, 1)
	go func() { served <- server.Serve(guard.secured(listener)) }()
	var failure error
	select {
	case failure = <-served:
	case <-ctx.Done():
		log.Info("shutting down")
		shutting.Store(true)
		failure = awaitBalancers(s.shutdownDelay, served, ingest, fluent)
	}
	shutting.Store(true)
	// The page ends meanwhile: records come first.
	tailEnded := make(chan struct{})
	go func() {
		defer close(tailEnded)
		live.shutdown(ctx)
	}()
	fluentEnded := make(chan struct{})
	go func() {
		defer close(fluentEnded)
		deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
		defer cancel()
		fluent.shutdown(deadline, log)
	}()
	shutdown(context.WithoutCancel(ctx), ingest, posts, server, log)
	<-fluentEnded
	<-tailEnded
	if failure == nil {
		failure = <-served
	}
	if errors.Is(failure, http.ErrServerClosed) {
		return nil
	}
	return failure
}

// shutdown ends WebSocket connections and POSTs first. The listener stays open meanwhile,
// so that health checks get 503.
func shutdown(ctx context.Context, ingest *receiver.Handler, posts *post.Handler, server *http.Server, log *slog.Logger) {
	deadline, cancel := context.WithTimeout(ctx, shutdownTimeout)
	defer cancel()
	answered := make(chan error, 1)
	go func() { answered <- posts.Shutdown(deadline) }()
	if err := errors.Join(ingest.Shutdown(deadline), <-answered); err != nil {
		// What they sent is not confirmed, so clients send it again.
		log.Warn("some connections did not close in time", "error", err)
	}
	deadline, cancel = context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	if server.Shutdown(deadline) != nil {
		_ = server.Close() // only clients that never sent a request are left
	}
}

// routes does not use http.ServeMux: there a path such as /a/ or /{x} is a pattern.
func routes(path string, pages map[string]http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if page := pages[r.URL.Path]; page != nil {
			page.ServeHTTP(w, r)
			return
		}
		http.Error(w, fmt.Sprintf("records go to %s", path), http.StatusNotFound)
	})
}

// health answers ok, or 503 with the reason: during the shutdown, and from a failure
// of the output until a record can be written again.
func health(output output, shutting *atomic.Bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		failed := output.Failed()
		switch {
		case shutting.Load():
			http.Error(w, "shutting down", http.StatusServiceUnavailable)
		case failed != nil:
			http.Error(w, failed.Reason, http.StatusServiceUnavailable)
		default:
			_, _ = io.WriteString(w, "ok") // it fails only if the client is gone
		}
	})
}
