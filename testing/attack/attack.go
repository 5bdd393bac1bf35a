// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package attack

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Kind is what a listener speaks.
type Kind string

// The kinds of listeners. What hurts HTTP hurts WebSocket, which begins with it.
const (
	WebSocket Kind = "websocket"
	HTTP      Kind = "http"
	Forward   Kind = "forward"
)

// Target is a listener.
type Target struct {
	Kind    Kind
	Address string // host:port
	Path    string // that takes records, for WebSocket and HTTP
	Token   string // of those attackers that are let in; empty if no token is needed
	// Sources are local addresses from which attackers connect in turn; if there are
	// none, the kernel chooses.
	Sources []string
}

// Attack is something that hostile clients do without end.
type Attack struct {
	// Name says what they do.
	Name  string
	Kinds []Kind
	// Clients is how many there are at the same time.
	Clients int
	// Full is for attacks that hold every place of wsreceiver's default: a new client
	// has to wait until one of them counts as idle.
	Full bool

	// connect does it on one connection, which is opened again when it returns.
	connect func(*client)
}

// reconnectPause leaves some of this machine's processors to the listener.
const reconnectPause = 100 * time.Millisecond

// For returns the attacks on listeners of a kind.
func For(kind Kind) []Attack {
	return slices.DeleteFunc(All(), func(a Attack) bool { return !slices.Contains(a.Kinds, kind) })
}

// All returns all attacks.
func All() []Attack {
	return slices.Concat(onHTTP(), onPOST(), onWebSocket(), onMessages(), onForward())
}

// Run has all clients of the attack at work until ctx ends, and returns when they are
// gone. established is called once each of them has sent something.
func (a Attack) Run(ctx context.Context, target Target, established func()) error {
	var clients, begun sync.WaitGroup
	var verdict atomic.Pointer[error]
	begun.Add(a.Clients)
	for number := range a.Clients {
		clients.Go(func() {
			once := sync.OnceFunc(begun.Done)
			defer once()
			for ctx.Err() == nil {
				a.once(ctx, &client{target: target, number: number, sent: once, ctx: ctx, verdict: &verdict})
				pause(ctx, reconnectPause)
			}
		})
	}
	begun.Wait()
	established()
	clients.Wait()
	if err := verdict.Load(); err != nil {
		return fmt.Errorf("%s: %w", a.Name, *err)
	}
	return nil
}

// once opens a connection, which ends with ctx, for connect.
func (a Attack) once(ctx context.Context, c *client) {
	dialer := net.Dialer{Timeout: 10 * time.Second}
	if sources := c.target.Sources; len(sources) > 0 {
		dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(sources[c.number%len(sources)])}
	}
	conn, err := dialer.DialContext(ctx, "tcp", c.target.Address)
	if err != nil {
		c.sent() // it would have
		return
	}
	c.Conn = conn
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	defer conn.Close() //nolint:errcheck // there is nothing left to say
	a.connect(c)
}

// client is one hostile connection.
type client struct {
	net.Conn

	target  Target
	number  int    // from 0, the same for each connection of this client
	sent    func() // called when it has sent something; may be called often
	ctx     context.Context
	verdict *atomic.Pointer[error] // the first thing that the listener must not do
}

// blame notes what the listener must not do.
func (c *client) blame(format string, values ...any) {
	err := fmt.Errorf(format, values...)
	c.verdict.CompareAndSwap(nil, &err)
}

// send writes, and reports whether the connection still stands.
func (c *client) send(bytes []byte) bool {
	_, err := c.Write(bytes)
	c.sent()
	return err == nil
}

// trickle writes a byte at a time, slowly, until the connection ends.
func (c *client) trickle(bytes []byte) {
	for i := 0; c.send(bytes[i : i+1]); i = (i + 1) % len(bytes) {
		if !pause(c.ctx, trickleInterval) {
			return
		}
	}
}

const trickleInterval = 500 * time.Millisecond

// again writes the same without end while what comes is read.
func (c *client) again(bytes []byte) {
	reading := make(chan struct{})
	go func() {
		defer close(reading)
		c.hold()
		_ = c.Close() // it ends the writer
	}()
	for c.send(bytes) {
	}
	_ = c.Close()
	<-reading
}

// flood writes the same without end, and reads nothing.
func (c *client) flood(bytes []byte) {
	for c.send(bytes) {
	}
}

// hold reads until the connection ends.
func (c *client) hold() {
	c.sent()
	buffer := make([]byte, 4<<10)
	for {
		if _, err := c.Read(buffer); err != nil {
			return
		}
	}
}

// pause waits, and reports whether ctx has not ended.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
