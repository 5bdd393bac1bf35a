// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package beattest

import (
	"io"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Proxy is a TCP proxy that can fall silent: connections stay open, and no more
// bytes pass in either direction, as behind a firewall that forgot them.
type Proxy struct {
	target   string
	listener net.Listener
	done     sync.WaitGroup

	mutex  sync.Mutex
	silent bool
	conns  map[net.Conn]chan struct{} // closed by Silence
	closed chan struct{}
}

// StartProxy starts a proxy before target, a host and port. Cleanup ends it.
func StartProxy(tb testing.TB, target string) *Proxy {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // loopback, does not wait
	require.NoError(tb, err)
	p := &Proxy{target: target, listener: listener, conns: map[net.Conn]chan struct{}{}, closed: make(chan struct{})}
	p.done.Go(p.acceptLoop)
	tb.Cleanup(p.close)
	return p
}

// Addr returns the proxy's host and port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Silence stops the bytes of all connections for good, and those of new connections
// until Heal.
func (p *Proxy) Silence() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.silent = true
	for conn, silenced := range p.conns {
		close(silenced)
		delete(p.conns, conn)
	}
}

// Heal lets new connections through again.
func (p *Proxy) Heal() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.silent = false
}

func (p *Proxy) acceptLoop() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.done.Go(func() { p.serve(client) })
	}
}

func (p *Proxy) serve(client net.Conn) {
	defer func() { _ = client.Close() }()
	p.mutex.Lock()
	silent, silenced := p.silent, make(chan struct{})
	p.conns[client] = silenced
	p.mutex.Unlock()
	if silent {
		<-p.closed
		return
	}
	server, err := net.Dial("tcp", p.target) //nolint:noctx // loopback, does not wait
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()

	over := make(chan struct{}, 2)
	forward := func(to, from net.Conn) {
		_, _ = io.Copy(&gate{to, silenced, p.closed}, from) // ends with either side
		over <- struct{}{}
	}
	p.done.Go(func() { forward(server, client) })
	p.done.Go(func() { forward(client, server) })
	select {
	case <-over:
	case <-silenced:
		<-p.closed
	case <-p.closed:
	}
}

// gate passes bytes on until it is silenced, and then holds them.
type gate struct {
	to               io.Writer
	silenced, closed <-chan struct{}
}

func (g *gate) Write(bytes []byte) (int, error) {
	select {
	case <-g.silenced:
		<-g.closed
		return 0, io.ErrClosedPipe
	default:
		return g.to.Write(bytes)
	}
}

func (p *Proxy) close() {
	// The error would be that it is closed.
	_ = p.listener.Close()
	close(p.closed)
	p.mutex.Lock()
	for conn := range p.conns {
		_ = conn.Close()
	}
	p.mutex.Unlock()
	p.done.Wait()
}
