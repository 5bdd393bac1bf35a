// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

var errNobody = errors.New("nobody calls")

// callers is a listener for connections that the test makes up.
type callers struct {
	net.Listener
	waiting chan net.Conn
}

func (c *callers) Accept() (net.Conn, error) {
	select {
	case conn := <-c.waiting:
		return conn, nil
	default:
		return nil, errNobody
	}
}

type caller struct {
	net.Conn
	address string
	closed  bool
}

func (c *caller) RemoteAddr() net.Addr {
	addr, _ := net.ResolveTCPAddr("tcp", c.address)
	return addr
}

func (c *caller) Close() error {
	c.closed = true
	return nil
}

// house is a Listener and those who call at it.
type house struct {
	t        *testing.T
	inner    *callers
	listener *Listener
	refused  []string
}

func newHouse(t *testing.T, o ListenerOptions) *house {
	h := &house{t: t, inner: &callers{waiting: make(chan net.Conn, 1)}}
	o.OnRefused = func(address string) { h.refused = append(h.refused, address) }
	h.listener = NewListener(h.inner, o)
	return h
}

// call returns the connection, and what Accept returned, or nil if it was refused.
func (h *house) call(address string) (*caller, net.Conn) {
	h.t.Helper()
	one := &caller{address: address}
	h.inner.waiting <- one
	conn, err := h.listener.Accept()
	if err != nil {
		require.ErrorIs(h.t, err, errNobody)
		return one, nil
	}
	return one, conn
}

func TestTheOldestGivesWay(t *testing.T) {
	h := newHouse(t, ListenerOptions{Connections: 4, PerAddress: 3})
	var flood []*caller
	for i := range 3 {
		one, _ := h.call(fmt.Sprintf("192.0.2.1:%d", i+1))
		flood = append(flood, one)
	}
	quiet, _ := h.call("192.0.2.2:1")
	_, conn := h.call("192.0.2.3:1")
	require.NotNil(t, conn, "there is room for who comes")
	require.True(t, flood[0].closed, "at the cost of the oldest one of the address with the most")
	require.False(t, quiet.closed)
	require.NoError(t, conn.Close())
	require.NoError(t, conn.Close(), "counts once")
	require.Equal(t, 3, h.listener.total)
}

func TestAnAddressHasItsShareOnly(t *testing.T) {
	h := newHouse(t, ListenerOptions{Connections: 10})
	var kept []net.Conn
	for i := range 5 {
		_, conn := h.call(fmt.Sprintf("[2001:db8::%d]:1", i+1))
		h.listener.ConnState(conn, http.StateHijacked)
		kept = append(kept, conn)
	}
	one, conn := h.call("[2001:db8::9]:1")
	require.Nil(t, conn, "all of the share is kept")
	require.True(t, one.closed)
	require.Equal(t, []string{"2001:db8::"}, h.refused)
	require.NoError(t, kept[0].Close())
	first, conn := h.call("[2001:db8::9]:2")
	require.NotNil(t, conn)
	_, conn = h.call("[2001:db8::9]:3")
	require.NotNil(t, conn)
	require.True(t, first.closed, "within its share the oldest gives way")
	for i := range 20 {
		_, conn := h.call(fmt.Sprintf("127.0.0.1:%d", i+1))
		require.NotNil(t, conn, "a proxy on this machine may have all")
	}
	require.Equal(t, 10, h.listener.total)
}

func TestWhatIsKeptGivesWayToNobody(t *testing.T) {
	h := newHouse(t, ListenerOptions{Connections: 2, PerAddress: 2})
	_, first := h.call("192.0.2.1:1")
	ctx := h.listener.ConnContext(t.Context(), first)
	Keep(ctx)
	Keep(ctx)
	Keep(t.Context()) // some other server's
	_, second := h.call("192.0.2.2:1")
	h.listener.ConnState(second, http.StateActive)
	_, third := h.call("192.0.2.3:1")
	require.NotNil(t, third, "the second one was not kept")
	h.listener.ConnState(third, http.StateHijacked)
	_, conn := h.call("192.0.2.4:1")
	require.Nil(t, conn)
	require.NoError(t, first.Close())
	_, conn = h.call("192.0.2.4:1")
	require.NotNil(t, conn)
	require.NoError(t, conn.Close())
	require.NoError(t, third.Close())
	require.Zero(t, h.listener.total)
	require.Empty(t, h.listener.addresses)
}
