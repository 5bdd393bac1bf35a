// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package wstest

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"
)

// stopTimeout is how long clients have to answer the Close frame of Stop.
const stopTimeout = time.Second

// Server is a WebSocket server for tests. All its methods may be called from
// any goroutine at any time, also after Stop and Kill.
type Server struct {
	config   config
	listener net.Listener
	ledger   *ledger
	running  sync.WaitGroup // acceptLoop and all goroutines of connections

	mutex   sync.Mutex
	conns   map[*conn]struct{}
	stopped bool          // no connection is added any more
	allGone chan struct{} // closed when stopped and conns is empty
}

// Start starts a server on 127.0.0.1 at a free port, unless an option says
// where. The test's Cleanup kills it and reports the client's violations of
// RFC 6455.
func Start(t testing.TB, opts ...Option) *Server {
	t.Helper()
	s, err := Open(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Kill()
		if s.config.allowViolations {
			return
		}
		for _, violation := range s.Violations() {
			t.Errorf("the client violates RFC 6455: %s", violation)
		}
	})
	return s
}

// Open is Start for a caller that is not a test. The caller ends the server with
// Stop or Kill and looks at Violations itself.
func Open(opts ...Option) (*Server, error) {
	cfg := config{addr: "127.0.0.1:0", script: func(int) Fault { return Fault{} }}
	for _, opt := range opts {
		opt(&cfg)
	}
	if cfg.listener == nil {
		ln, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", cfg.addr)
		if err != nil {
			return nil, fmt.Errorf("wstest: %w", err)
		}
		cfg.listener = ln
	}
	s := &Server{
		config:   cfg,
		listener: cfg.listener,
		ledger:   newLedger(cfg.keepRecords),
		conns:    map[*conn]struct{}{},
		allGone:  make(chan struct{}),
	}
	s.running.Go(s.acceptLoop)
	return s, nil
}

// Addr returns the host and port that the server listens on, or did.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// URL returns the server's ws URL with the path "/". Every path works.
func (s *Server) URL() string { return "ws://" + s.Addr() + "/" }

// Stop shuts down gracefully: it stops listening, sends every client Close 1001 and
// FIN, and waits up to a second for them to close their connections. Those still open
// then get an RST.
func (s *Server) Stop() {
	for _, c := range s.shut() {
		c.goAway()
	}
	timeout := time.NewTimer(stopTimeout)
	defer timeout.Stop()
	select {
	case <-s.allGone:
	case <-timeout.C:
	}
	s.Kill()
}

// Kill ends like a crashed process: it stops listening and sends every client an
// RST.
func (s *Server) Kill() {
	s.shut()
	s.Reset()
	s.running.Wait()
}

// Reset sends every client an RST and goes on listening.
func (s *Server) Reset() {
	for _, c := range s.current() {
		c.cut(true)
	}
}

func (s *Server) current() []*conn {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	list := make([]*conn, 0, len(s.conns))
	for c := range s.conns {
		list = append(list, c)
	}
	return list
}

// shut stops listening and returns the open connections. None is added after it.
func (s *Server) shut() []*conn {
	s.mutex.Lock()
	if !s.stopped {
		s.stopped = true
		if len(s.conns) == 0 {
			close(s.allGone)
		}
	}
	s.mutex.Unlock()
	_ = s.listener.Close() // the second time it fails, which is fine
	return s.current()
}

// acceptLoop ends when the listener is closed.
func (s *Server) acceptLoop() {
	for number := 1; ; number++ {
		netConn, err := s.listener.Accept()
		if err != nil {
			return
		}
		c := newConn(s, number, netConn, s.config.script(number))
		s.mutex.Lock()
		stopped := s.stopped
		if !stopped {
			s.conns[c] = struct{}{}
		}
		s.mutex.Unlock()
		if stopped {
			c.cut(true)
			return
		}
		s.ledger.update(func() { s.ledger.counts.Connections++ })
		s.running.Go(c.serve)
	}
}

func (s *Server) forget(c *conn) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	delete(s.conns, c)
	if s.stopped && len(s.conns) == 0 {
		close(s.allGone)
	}
}
