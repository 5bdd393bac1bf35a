// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"filebeat-websocket/protocol"
	"filebeat-websocket/receiver/decode"
)

// readBufferBytes is the size of a connection's read buffer. Clients send hundreds of
// small frames in one segment.
const readBufferBytes = 64 << 10

// Handler is the http.Handler that receives records. Its methods may be called from
// any goroutine.
type Handler struct {
	sink     Sink
	options  Options
	observed observers
	decoder  *decode.Decoder
	upgrader websocket.Upgrader
	commits  *committer
	// progressInterval is the constant, except in tests.
	progressInterval time.Duration
	handshakeTimeout time.Duration // likewise

	mutex    sync.Mutex
	taken    int // connections and upgrades under way
	lastID   uint64
	conns    map[*conn]struct{} // upgraded ones
	shutting bool
	gone     chan struct{} // closed when shutting and taken is 0
}

// New returns a Handler that hands records to sink, or an error that names the
// option at fault.
func New(sink Sink, options Options) (*Handler, error) {
	if sink == nil {
		return nil, errors.New("receiver: a Sink is missing")
	}
	if err := options.complete(); err != nil {
		return nil, fmt.Errorf("receiver: %w", err)
	}
	decoder, err := decode.New(options.Format, decode.Options{
		MaxMessageBytes: options.MaxMessageBytes, CSV: options.CSV, LTSV: options.LTSV,
	})
	if err != nil {
		return nil, fmt.Errorf("receiver: %w", err)
	}
	var subprotocols []string
	if options.Ack == ackAuto {
		subprotocols = []string{protocol.Subprotocol}
	}
	h := &Handler{
		sink:             sink,
		options:          options,
		observed:         options.Observers,
		decoder:          decoder,
		commits:          newCommitter(sink, options.MaxUncommittedBytes),
		progressInterval: progressInterval,
		handshakeTimeout: handshakeTimeout,
		upgrader: websocket.Upgrader{
			HandshakeTimeout: options.WriteTimeout,
			ReadBufferSize:   readBufferBytes,
			// Acks are short and rare, so idle connections share their write buffers;
			// control frames need none.
			WriteBufferPool: &sync.Pool{},
			Subprotocols:    subprotocols,
			// permessage-deflate, RFC 7692. readAll limits the size after decompression.
			EnableCompression: true,
			// CheckOrigin stays nil. gorilla then accepts requests without an Origin
			// header, as log shippers send them, and those of the same origin: a page on
			// another site cannot make a visitor's browser write here.
		},
		conns: map[*conn]struct{}{},
		gone:  make(chan struct{}),
	}
	h.commits.conns = h.current
	return h, nil
}

func (h *Handler) current() []*conn {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return slices.Collect(maps.Keys(h.conns))
}

// ServeHTTP upgrades the request and serves the connection until it ends.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !websocket.IsWebSocketUpgrade(r) {
		w.Header().Set("Upgrade", "websocket")
		http.Error(w, "this is a WebSocket endpoint", http.StatusUpgradeRequired)
		return
	}
	if refusal := h.take(); refusal != "" {
		w.Header().Set("Retry-After", "1")
		http.Error(w, refusal, http.StatusServiceUnavailable)
		return
	}
	defer h.giveBack()
	watched := &watchedWriter{ResponseWriter: w}
	ws, err := h.upgrader.Upgrade(watched, r, nil)
	if err != nil {
		return // Upgrade has answered the request
	}
	ws.EnableWriteCompression(false) // acks are too short to gain by it
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	c := newConn(h, ws, watched.conn, cancel)
	h.add(c, r.RemoteAddr)
	defer h.remove(c)
	c.serve(ctx)
}

// take reserves a place for a connection, or returns why there is none.
func (h *Handler) take() (refusal string) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	switch {
	case h.shutting:
		return "shutting down"
	case h.taken >= h.options.MaxConnections:
		return "too many connections"
	}
	h.taken++
	return ""
}

func (h *Handler) giveBack() {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.taken--
	if h.shutting && h.taken == 0 {
		close(h.gone)
	}
}

func (h *Handler) add(c *conn, remoteAddr string) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.lastID++
	c.peer = Peer{ID: h.lastID, RemoteAddr: remoteAddr}
	h.conns[c] = struct{}{}
	if h.shutting {
		c.drain() // the upgrade was under way when Shutdown came
	}
}

func (h *Handler) remove(c *conn) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	delete(h.conns, c)
}

// Shutdown closes all connections gracefully: no confirmation is lost. New requests
// get 503. Each connection finishes the message that it is reading, consumes, commits
// and answers what it has read, sends Close 1001 and waits up to Options.CloseTimeout
// for the client to close. Shutdown returns nil when all connections are closed. If
// ctx ends first, it cuts the remaining connections, ends the context of their
// Consume and of Commit, and returns ctx's error without waiting for these to return.
//
// Like http.Server.Shutdown, it does not close the listener. A Handler cannot be
// used again after it.
func (h *Handler) Shutdown(ctx context.Context) error {
	h.mutex.Lock()
	if !h.shutting {
		h.shutting = true
		if h.taken == 0 {
			close(h.gone)
		}
	}
	for c := range h.conns {
		c.drain()
	}
	h.mutex.Unlock()

	defer h.commits.giveUp()
	select {
	case <-h.gone:
		// A connection that broke did not wait for the Commit that it asked for, and
		// the caller is about to close what Commit works on.
		h.commits.waitIdle(ctx)
		return nil
	case <-ctx.Done():
	}
	h.mutex.Lock()
	defer h.mutex.Unlock()
	for c := range h.conns {
		c.cut()
	}
	return fmt.Errorf("receiver: %d connections were cut: %w", len(h.conns), context.Cause(ctx))
}

var _ http.Handler = (*Handler)(nil)
