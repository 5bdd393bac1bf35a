// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"filebeat-websocket/protocol"
	"filebeat-websocket/protocol/deflate"
	"filebeat-websocket/receiver/decode"
	"filebeat-websocket/receiver/internal/spread"
	"filebeat-websocket/receiver/internal/watched"
)

// Handler is the http.Handler that receives records. Its methods may be called from
// any goroutine.
type Handler struct {
	intake   *Intake
	owner    bool // of the intake
	options  Options
	decoder  *decode.Decoder
	upgrader websocket.Upgrader
	// progressInterval is the constant, except in tests.
	progressInterval time.Duration
	handshakeTimeout time.Duration // likewise
	messageTimeout   time.Duration // likewise
	idleTimeout      time.Duration // likewise

	mutex    sync.Mutex
	taken    int                // connections and upgrades under way
	conns    map[*conn]struct{} // upgraded ones
	shutting bool
	gone     chan struct{} // closed when shutting and taken is 0
}

// New returns a Handler that hands records to sink, or an error that names the
// option at fault.
func New(sink Sink, options Options) (*Handler, error) {
	intake, err := NewIntake(sink, IntakeOptions{
		MaxMemory: options.MaxMemory, MaxConnections: options.MaxConnections, Observers: options.Observers,
	})
	if err != nil {
		return nil, err
	}
	options.MaxMemory, options.MaxConnections, options.Observers = 0, 0, nil
	h, err := NewHandler(intake, options)
	if err != nil {
		return nil, err
	}
	h.owner = true
	return h, nil
}

// NewHandler returns a Handler that shares the Intake with other listeners, or an
// error that names the option at fault. Intake.Shutdown comes after the Handler's.
func NewHandler(intake *Intake, options Options) (*Handler, error) {
	if options.MaxMemory != 0 || options.MaxConnections != 0 || options.Observers != nil {
		return nil, errors.New("receiver: options MaxMemory, MaxConnections and Observers are the Intake's")
	}
	if err := options.complete(); err != nil {
		return nil, fmt.Errorf("receiver: %w", err)
	}
	if err := intake.CheckMessageBytes(options.MaxMessageBytes); err != nil {
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
	return &Handler{
		intake:           intake,
		options:          options,
		decoder:          decoder,
		progressInterval: progressInterval,
		handshakeTimeout: handshakeTimeout,
		messageTimeout:   messageTimeout,
		idleTimeout:      idleTimeout,
		upgrader: websocket.Upgrader{
			HandshakeTimeout: options.WriteTimeout,
			// Without ReadBufferSize, connections go on with net/http's buffer of 4 KiB. Acks
			// are short and rare, so idle ones share their write buffers; control frames need none.
			WriteBufferPool: &sync.Pool{},
			Subprotocols:    subprotocols,
			// permessage-deflate, RFC 7692. readAll limits the size after decompression.
			EnableCompression: true,
			// With nil gorilla accepts requests without an Origin header, as log shippers
			// send them, and those of the same origin: a page on another site cannot make
			// a visitor's browser write here.
			CheckOrigin: options.CheckOrigin,
		},
		conns: map[*conn]struct{}{},
		gone:  make(chan struct{}),
	}, nil
}

const extensionsHeader = "Sec-Websocket-Extensions"

// ServeHTTP upgrades the request and serves the connection until it ends.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !websocket.IsWebSocketUpgrade(r) {
		w.Header().Set("Upgrade", "websocket")
		http.Error(w, "this is a WebSocket endpoint", http.StatusUpgradeRequired)
		return
	}
	if !r.ProtoAtLeast(1, 1) { // RFC 6455 4.2.1
		http.Error(w, "WebSocket requires HTTP/1.1", http.StatusHTTPVersionNotSupported)
		return
	}
	// gorilla would accept an offer whatever its parameters are.
	if !deflate.Acceptable(r.Header.Values(extensionsHeader)) {
		r.Header.Del(extensionsHeader)
	}
	if !h.take() {
		refuseRequest(w, "shutting down")
		return
	}
	defer h.giveBack()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	client, err := h.intake.admit(ctx, r.RemoteAddr)
	if err != nil {
		refuseRequest(w, err.Error())
		return
	}
	defer h.intake.dismiss(client)
	writer := &watched.Writer{ResponseWriter: w, Memory: h.intake.memory}
	ws, err := h.upgrader.Upgrade(writer, r, nil)
	if err != nil {
		return // Upgrade has answered the request
	}
	ws.EnableWriteCompression(false) // acks are too short to gain by it
	if h.options.Sender != nil {
		client.Identify(h.options.Sender(r))
	}
	c := newConn(h, ws, writer.Conn, client, cancel)
	c.inflates = r.Header.Get(extensionsHeader) != ""
	h.add(c)
	defer h.remove(c)
	if age := h.options.MaxConnectionAge; age > 0 {
		defer time.AfterFunc(spread.HalfToAll(age), func() { c.drain(tooOld) }).Stop()
	}
	c.serve(ctx)
	writer.Conn.Free()
}

func refuseRequest(w http.ResponseWriter, reason string) {
	w.Header().Set("Retry-After", "1")
	http.Error(w, reason, http.StatusServiceUnavailable)
}

// take notes that a connection begins, and reports whether it may.
func (h *Handler) take() bool {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if !h.shutting {
		h.taken++
	}
	return !h.shutting
}

func (h *Handler) giveBack() {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.taken--
	if h.shutting && h.taken == 0 {
		close(h.gone)
	}
}

func (h *Handler) add(c *conn) {
	h.intake.enlist(c.client, c)
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.conns[c] = struct{}{}
	if h.shutting {
		c.drain(shuttingDown) // the upgrade was under way when Shutdown came
	}
}

func (h *Handler) remove(c *conn) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	delete(h.conns, c)
}

// What a client reads in the Close frame 1001.
const (
	shuttingDown = "shutting down"
	tooOld       = "the connection has reached its maximum age"
)

// Retire closes the connections that there are as gracefully as Shutdown does, each at a
// random time between half of within and all of it: their clients do not all come to
// another server in the same moment. It returns at once, and new requests are served.
func (h *Handler) Retire(within time.Duration) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	for c := range h.conns {
		time.AfterFunc(spread.HalfToAll(within), func() { c.drain(shuttingDown) })
	}
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
		c.drain(shuttingDown)
	}
	h.mutex.Unlock()

	if h.owner {
		defer h.intake.commits.GiveUp()
	}
	select {
	case <-h.gone:
		// A connection that broke did not wait for the Commit that it asked for, and
		// the caller is about to close what Commit works on.
		h.intake.commits.WaitIdle(ctx)
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
