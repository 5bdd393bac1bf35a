// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// checkInterval is how often the balancer asks /readyz.
const checkInterval = time.Second

// balancer is a round-robin balancer for TCP, which asks its servers whether they are
// ready, as HAProxy does, and counts.
type balancer struct {
	listener net.Listener
	ctx      context.Context
	running  sync.WaitGroup

	mutex    sync.Mutex
	servers  []*backend
	turn     int
	arrivals []time.Time // of connections
}

// backend is a server behind the balancer.
type backend struct {
	address string
	ready   bool
	open    int // connections
}

func startBalancer(t *testing.T) *balancer {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	b := &balancer{listener: listener, ctx: ctx}
	b.running.Go(b.accept)
	b.running.Go(b.watch)
	t.Cleanup(func() {
		cancel()
		_ = listener.Close()
		b.running.Wait()
	})
	return b
}

func (b *balancer) url() string { return "ws://" + b.listener.Addr().String() + "/ingest" }

// add takes a server into the rotation.
func (b *balancer) add(address string) *backend {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	s := &backend{address: address, ready: true}
	b.servers = append(b.servers, s)
	return s
}

func (b *balancer) watch() {
	client := &http.Client{Timeout: checkInterval}
	defer client.CloseIdleConnections()
	for {
		select {
		case <-time.After(checkInterval):
		case <-b.ctx.Done():
			return
		}
		b.mutex.Lock()
		servers := slices.Clip(b.servers)
		b.mutex.Unlock()
		for _, s := range servers {
			ready := b.isReady(client, s.address)
			b.mutex.Lock()
			s.ready = ready
			b.mutex.Unlock()
		}
	}
}

func (b *balancer) isReady(client *http.Client, address string) bool {
	request, err := http.NewRequestWithContext(b.ctx, http.MethodGet, "http://"+address+"/readyz", nil)
	if err != nil {
		return false
	}
	answer, err := client.Do(request)
	if err != nil {
		return false
	}
	return answer.Body.Close() == nil && answer.StatusCode == http.StatusOK
}

func (b *balancer) accept() {
	for {
		conn, err := b.listener.Accept()
		if err != nil {
			return
		}
		b.running.Go(func() { b.serve(conn) })
	}
}

// next returns the server whose turn it is; nil if none is ready.
func (b *balancer) next() *backend {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.arrivals = append(b.arrivals, time.Now())
	for range b.servers {
		b.turn++
		if s := b.servers[b.turn%len(b.servers)]; s.ready {
			s.open++
			return s
		}
	}
	return nil
}

func (b *balancer) serve(client net.Conn) {
	defer client.Close() //nolint:errcheck // the connection is over
	s := b.next()
	if s == nil {
		return
	}
	defer func() {
		b.mutex.Lock()
		defer b.mutex.Unlock()
		s.open--
	}()
	behind, err := (&net.Dialer{}).DialContext(b.ctx, "tcp", s.address)
	if err != nil {
		return
	}
	defer behind.Close() //nolint:errcheck // likewise
	stop := context.AfterFunc(b.ctx, func() { _, _ = client.Close(), behind.Close() })
	defer stop()
	var copying sync.WaitGroup
	copying.Go(func() { forward(behind, client) })
	copying.Go(func() { forward(client, behind) })
	copying.Wait()
}

// forward copies until from ends, and passes the end on. An answer that is under way in
// the other direction still arrives.
func forward(to, from net.Conn) {
	_, err := io.Copy(to, from)
	half, ok := to.(*net.TCPConn)
	if err != nil || !ok || half.CloseWrite() != nil {
		_, _ = to.Close(), from.Close()
	}
}

// shares returns how many connections each server has.
func (b *balancer) shares() (open []int) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	for _, s := range b.servers {
		open = append(open, s.open)
	}
	return open
}

// peak returns how many connections began at most in a second after since.
func (b *balancer) peak(since time.Time) (most int) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	first := 0
	for last, at := range b.arrivals {
		for at.Sub(b.arrivals[first]) >= time.Second || b.arrivals[first].Before(since) && first < last {
			first++
		}
		if !b.arrivals[first].Before(since) {
			most = max(most, last-first+1)
		}
	}
	return most
}
