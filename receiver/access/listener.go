// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"container/list"
	"context"
	"net"
	"net/http"
	"sync"
)

// ListenerOptions bound the connections of a Listener.
type ListenerOptions struct {
	// Connections is how many there can be at once.
	Connections int
	// PerAddress is the share of one address, or of one /64 network of IPv6. With 0 it
	// is half of Connections, and loopback may have all: a proxy on this machine
	// connects from there.
	PerAddress int
	// OnRefused, where set, is told the address of a connection for which there was no
	// room. It must not block.
	OnRefused func(address string)
}

// Listener counts TCP connections from the moment they are accepted. When there is
// no room, the oldest connection that is not kept gives way: one of the address
// itself if that has all its share, else one of the address with most of them. So
// whoever only holds connections loses them to those who come. If all are kept, the
// new connection is closed.
type Listener struct {
	net.Listener
	options ListenerOptions

	mutex     sync.Mutex
	total     int
	addresses map[string]*addressPlaces
}

// addressPlaces are the connections of one address.
type addressPlaces struct {
	total  int
	unkept *list.List // of *place, oldest first
}

// place is a connection that was accepted.
type place struct {
	net.Conn
	listener *Listener
	address  string
	loopback bool
	// Under Listener.mutex.
	element *list.Element // nil once it is kept or gone
	gone    bool
}

// NewListener returns a Listener on top of inner, which belongs to it. TLS, if there is
// any, goes on top.
func NewListener(inner net.Listener, options ListenerOptions) *Listener {
	return &Listener{Listener: inner, options: options, addresses: map[string]*addressPlaces{}}
}

// Accept returns the next connection for which there is room.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		p := &place{Conn: conn, listener: l, address: addressOf(conn.RemoteAddr().String())}
		if tcp, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
			p.loopback = tcp.IP.IsLoopback()
		}
		victim, ok := l.admit(p)
		if victim != nil {
			_ = victim.Conn.Close() // its reader sees the end
		}
		if ok {
			return p, nil
		}
		_ = conn.Close() // nothing was said yet
		if l.options.OnRefused != nil {
			l.options.OnRefused(p.address)
		}
	}
}

// admit counts p, if there is room, or a connection that gives way.
func (l *Listener) admit(p *place) (victim *place, ok bool) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	same := l.addresses[p.address]
	switch {
	case same != nil && same.total >= l.share(p):
		victim = same.oldest()
	case l.total >= l.options.Connections:
		victim = l.largest().oldest()
	default:
		l.addLocked(p)
		return nil, true
	}
	if victim == nil {
		return nil, false
	}
	l.removeLocked(victim)
	l.addLocked(p)
	return victim, true
}

func (l *Listener) share(p *place) int {
	switch {
	case l.options.PerAddress > 0:
		return l.options.PerAddress
	case p.loopback:
		return l.options.Connections
	}
	return max(l.options.Connections/2, 1)
}

// largest returns the address with the most connections that are not kept.
func (l *Listener) largest() (largest *addressPlaces) {
	for _, one := range l.addresses {
		if largest == nil || one.unkept.Len() > largest.unkept.Len() {
			largest = one
		}
	}
	return largest
}

func (a *addressPlaces) oldest() *place {
	if a == nil || a.unkept.Len() == 0 {
		return nil
	}
	oldest, _ := a.unkept.Front().Value.(*place)
	return oldest
}

func (l *Listener) addLocked(p *place) {
	a := l.addresses[p.address]
	if a == nil {
		a = &addressPlaces{unkept: list.New()}
		l.addresses[p.address] = a
	}
	a.total++
	l.total++
	p.element = a.unkept.PushBack(p)
}

func (l *Listener) removeLocked(p *place) {
	if p.gone {
		return
	}
	p.gone = true
	l.total--
	a := l.addresses[p.address]
	if p.element != nil {
		a.unkept.Remove(p.element)
		p.element = nil
	}
	if a.total--; a.total == 0 {
		delete(l.addresses, p.address)
	}
}

// keep has the connection give way to no other.
func (p *place) keep() {
	p.listener.mutex.Lock()
	defer p.listener.mutex.Unlock()
	if p.element != nil {
		p.listener.addresses[p.address].unkept.Remove(p.element)
		p.element = nil
	}
}

// Close gives the place back.
func (p *place) Close() error {
	p.listener.mutex.Lock()
	p.listener.removeLocked(p)
	p.listener.mutex.Unlock()
	return p.Conn.Close()
}

// CloseWrite sends FIN.
func (p *place) CloseWrite() error {
	if half, ok := p.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return p.Conn.Close()
}

// ConnState is for http.Server: it keeps connections that were upgraded.
func (l *Listener) ConnState(conn net.Conn, state http.ConnState) {
	if p := placeOf(conn); p != nil && state == http.StateHijacked {
		p.keep()
	}
}

type placeKey struct{}

// ConnContext is for http.Server: it lets Keep find the connection.
func (l *Listener) ConnContext(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, placeKey{}, placeOf(conn))
}

// Keep has the connection of a request, which was let in, give way to no other from
// now on. ctx is the request's.
func Keep(ctx context.Context) {
	if p, ok := ctx.Value(placeKey{}).(*place); ok && p != nil {
		p.keep()
	}
}

// KeepConn is Keep for a connection that is not of a request.
func KeepConn(conn net.Conn) {
	if p := placeOf(conn); p != nil {
		p.keep()
	}
}

func placeOf(conn net.Conn) *place {
	if secured, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = secured.NetConn()
	}
	p, _ := conn.(*place)
	return p
}
