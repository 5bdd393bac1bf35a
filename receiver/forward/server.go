// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"filebeat-websocket/receiver"
	"filebeat-websocket/receiver/decode"
	"filebeat-websocket/receiver/internal/spread"
)

// ErrServerClosed is returned by Serve after Shutdown.
var ErrServerClosed = errors.New("forward: server closed")

// Server serves Fluent Forward. Its methods may be called from any goroutine.
type Server struct {
	intake  *receiver.Intake
	options Options
	decoder *decode.Decoder
	ctx     context.Context
	cut     context.CancelFunc // ends ctx, with which all connections end
	// The timeouts are the constants, except in tests.
	handshakeTimeout, requestTimeout, idleTimeout, closeTimeout time.Duration

	mutex     sync.Mutex
	shutting  bool
	listeners map[net.Listener]struct{}
	packets   map[net.PacketConn]struct{}
	conns     map[*conn]struct{}
	serving   sync.WaitGroup // of connections
}

// NewServer returns a Server that hands records to the Intake, or an error that names
// the option at fault. Call Intake.Shutdown after the Server's.
func NewServer(intake *receiver.Intake, options Options) (*Server, error) {
	if err := options.complete(); err != nil {
		return nil, fmt.Errorf("forward: %w", err)
	}
	if err := intake.CheckMessageBytes(options.MaxRequestBytes); err != nil {
		return nil, fmt.Errorf("forward: %w", err)
	}
	decoder, err := decode.New("forward", decode.Options{MaxMessageBytes: options.MaxRequestBytes})
	if err != nil {
		return nil, fmt.Errorf("forward: %w", err)
	}
	s := &Server{
		intake:           intake,
		options:          options,
		decoder:          decoder,
		handshakeTimeout: handshakeTimeout,
		requestTimeout:   requestTimeout,
		idleTimeout:      idleTimeout,
		closeTimeout:     closeTimeout,
		listeners:        map[net.Listener]struct{}{},
		packets:          map[net.PacketConn]struct{}{},
		conns:            map[*conn]struct{}{},
	}
	s.ctx, s.cut = context.WithCancel(context.Background())
	return s, nil
}

// Serve accepts connections until Shutdown, which closes the listener, or an error. A
// listener of package tls serves TLS.
func (s *Server) Serve(listener net.Listener) error {
	if !track(s, s.listeners, listener) {
		_ = listener.Close()
		return ErrServerClosed
	}
	defer untrack(s, s.listeners, listener)
	for {
		netConn, err := listener.Accept()
		switch {
		case s.isShutting():
			if err == nil {
				_ = netConn.Close()
			}
			return ErrServerClosed
		case err == nil:
			s.start(netConn)
		case isTemporary(err):
			// No file descriptor is left. One may become free.
			select {
			case <-time.After(acceptPause):
			case <-s.ctx.Done():
			}
		default:
			_ = listener.Close()
			return fmt.Errorf("forward: %w", err)
		}
	}
}

// acceptPause is between attempts to accept a connection.
const acceptPause = 100 * time.Millisecond

func isTemporary(err error) bool {
	temporary, ok := errors.AsType[interface {
		error
		Temporary() bool
	}](err)
	return ok && temporary.Temporary()
}

func track[T comparable](s *Server, set map[T]struct{}, one T) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.shutting {
		return false
	}
	set[one] = struct{}{}
	return true
}

func untrack[T comparable](s *Server, set map[T]struct{}, one T) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	delete(set, one)
}

func (s *Server) isShutting() bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.shutting
}

func (s *Server) start(netConn net.Conn) {
	c := newConn(s, netConn)
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.shutting {
		_ = netConn.Close()
		return
	}
	s.conns[c] = struct{}{}
	s.serving.Go(func() {
		defer untrack(s, s.conns, c)
		if age := s.options.MaxConnectionAge; age > 0 {
			defer time.AfterFunc(spread.HalfToAll(age), c.retire).Stop()
		}
		c.serve(s.ctx)
	})
}

// heartbeat is what Fluentd answers, and Fluent Forward's clients send, over UDP.
const heartbeat = "\x00"

// ServeHeartbeats answers heartbeats over UDP until Shutdown, which closes conn. conn has
// the same port as the listener.
func (s *Server) ServeHeartbeats(conn net.PacketConn) error {
	if !track(s, s.packets, conn) {
		_ = conn.Close()
		return ErrServerClosed
	}
	defer untrack(s, s.packets, conn)
	ping := make([]byte, 1)
	for {
		_, from, err := conn.ReadFrom(ping)
		switch {
		case s.isShutting():
			return ErrServerClosed
		case err == nil && !isAnswer(from, conn.LocalAddr()):
			_, _ = conn.WriteTo([]byte(heartbeat), from) // a client that misses it asks again
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("forward: %w", err)
		}
		// Other errors are about one packet: an earlier answer found no open port, say.
	}
}

// isAnswer reports whether a packet may be the answer of another server, or of this one: it
// comes from the same port. A packet with a forged sender would have the two answer each
// other for ever.
func isAnswer(from, own net.Addr) bool {
	sender, ok := from.(*net.UDPAddr)
	listener, isUDP := own.(*net.UDPAddr)
	return ok && isUDP && sender.Port == listener.Port
}

// Retire ends the connections whose clients have asked for confirmations, as Shutdown does,
// each at a random time between half of within and all of it. It returns at once, and new
// connections are served.
func (s *Server) Retire(within time.Duration) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for c := range s.conns {
		time.AfterFunc(spread.HalfToAll(within), c.retire)
	}
}

// Shutdown closes the listeners, takes and confirms the requests that are under way, and
// ends the connections. If ctx ends before that is done, it cuts the connections and
// returns ctx's error.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mutex.Lock()
	s.shutting = true
	for listener := range s.listeners {
		_ = listener.Close()
	}
	for packets := range s.packets {
		_ = packets.Close()
	}
	for c := range s.conns {
		c.drain()
	}
	s.mutex.Unlock()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.serving.Wait()
	}()
	select {
	case <-ended:
		s.cut()
		return nil
	case <-ctx.Done():
		s.cut()
		<-ended
		return ctx.Err()
	}
}
