// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/outputs/websocket/ack"
	"filebeat-websocket/outputs/websocket/internal/conn"
	"filebeat-websocket/protocol"
)

// fake is a Conn without sockets, so that it can be used in a synctest bubble.
// Flush blocks until the peer takes the frames.
type fake struct {
	toPeer   chan []frame
	toClient chan func(conn.Handler) error // an error ends Read
	cut      chan struct{}
	cutOnce  sync.Once

	pending []frame
}

// frame is what the peer reads.
type frame struct {
	kind    kind
	payload string             // of a Ping or a message
	code    protocol.CloseCode // of a Close frame
}

type kind int

const (
	message kind = iota
	ping
	closing
)

func newFake() *fake {
	return &fake{
		toPeer:   make(chan []frame),
		toClient: make(chan func(conn.Handler) error, 1000),
		cut:      make(chan struct{}),
	}
}

func (f *fake) AppendMessage(_ bool, size int, appendTo func([]byte) []byte) error {
	payload := appendTo(nil)
	if len(payload) != size {
		return fmt.Errorf("%d bytes instead of %d", len(payload), size)
	}
	f.pending = append(f.pending, frame{kind: message, payload: string(payload)})
	return nil
}

func (f *fake) AppendPing(payload []byte) {
	f.pending = append(f.pending, frame{kind: ping, payload: string(payload)})
}

func (f *fake) Flush() error {
	frames := f.pending
	f.pending = nil
	return f.write(frames, nil)
}

func (f *fake) write(frames []frame, timeout <-chan time.Time) error {
	if len(frames) == 0 {
		return nil
	}
	select {
	case <-f.cut: // a peer that is ready must not win
		return net.ErrClosed
	default:
	}
	select {
	case f.toPeer <- frames:
		return nil
	case <-f.cut:
		return net.ErrClosed
	case <-timeout:
		return context.DeadlineExceeded
	}
}

func (f *fake) Read(handler conn.Handler) error {
	for {
		select {
		case event := <-f.toClient:
			if err := event(handler); err != nil {
				return err
			}
		case <-f.cut:
			return net.ErrClosed
		}
	}
}

func (f *fake) Close(code protocol.CloseCode, _ string) {
	timer := time.NewTimer(250 * time.Millisecond) // as the real one
	defer timer.Stop()
	_ = f.write([]frame{{kind: closing, code: code}}, timer.C)
}

func (f *fake) Cut() { f.cutOnce.Do(func() { close(f.cut) }) }

// The peer's side.

func (f *fake) pong(payload string) {
	f.toClient <- func(h conn.Handler) error {
		h.Heard()
		h.Pong([]byte(payload))
		return nil
	}
}

func (f *fake) reply(text string) {
	f.toClient <- func(h conn.Handler) error {
		h.Heard()
		h.Message([]byte(text))
		return nil
	}
}

func (f *fake) end(err error) {
	f.toClient <- func(conn.Handler) error { return err }
}

// peer reads all frames and answers each.
type peer struct {
	*fake
	answer func(*peer, frame) // nil for one that answers nothing

	mutex sync.Mutex
	read  []frame
}

// serve runs the peer until the connection is cut.
func serve(f *fake, answer func(*peer, frame)) *peer {
	p := &peer{fake: f, answer: answer}
	go func() {
		for {
			select {
			case frames := <-f.toPeer:
				p.take(frames)
			case <-f.cut:
				return
			}
		}
	}()
	return p
}

func (p *peer) take(frames []frame) {
	for _, f := range frames {
		p.mutex.Lock()
		p.read = append(p.read, f)
		p.mutex.Unlock()
		if p.answer != nil {
			p.answer(p, f)
		}
	}
}

// count returns how many frames of that kind the peer has read.
func (p *peer) count(k kind) (frames int) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for _, f := range p.read {
		if f.kind == k {
			frames++
		}
	}
	return frames
}

// last returns the newest frame that the peer has read.
func (p *peer) last() frame {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.read[len(p.read)-1]
}

// kinds returns what the peer has read.
func (p *peer) kinds() (kinds []kind) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for _, f := range p.read {
		kinds = append(kinds, f.kind)
	}
	return kinds
}

// honest answers Pings and Close frames as RFC 6455 asks for.
func honest(p *peer, f frame) {
	switch f.kind {
	case ping:
		p.pong(f.payload)
	case closing:
		p.end(&conn.CloseError{Code: f.code})
	case message:
	}
}

// answersFirst answers so many Pings, and nothing after that.
func answersFirst(pings int) func(*peer, frame) {
	return func(p *peer, f frame) {
		if f.kind == ping && p.count(ping) <= pings {
			p.pong(f.payload)
		}
	}
}

// fakeFlight is a Flight that panics if the session breaks its promise: one Settled,
// and no AppendTo after it.
type fakeFlight struct {
	texts   []string
	alone   bool
	settled atomic.Bool
	outcome chan Outcome
	told    func(Outcome) // called first, if set
}

func newFlight(texts ...string) *fakeFlight {
	return &fakeFlight{texts: texts, outcome: make(chan Outcome, 1)}
}

func (b *fakeFlight) Messages() int  { return len(b.texts) }
func (b *fakeFlight) Size(i int) int { return len(b.texts[i]) }
func (b *fakeFlight) Alone() bool    { return b.alone }

func (b *fakeFlight) AppendTo(dst []byte, i int) []byte {
	if b.settled.Load() {
		panic("the messages are read after the batch was told")
	}
	dst = append(dst, b.texts[i]...)
	if b.settled.Load() {
		panic("the batch was told while its messages are read")
	}
	return dst
}

func (b *fakeFlight) Settled(o Outcome) {
	if b.settled.Swap(true) {
		panic("the batch was told twice")
	}
	if b.told != nil {
		b.told(o)
	}
	b.outcome <- o
}

// sent sends a batch in a goroutine.
type sent struct {
	*fakeFlight
	returned chan result
}

type result struct {
	taken bool
	err   error
}

func send(s *Session, texts ...string) *sent {
	out := &sent{newFlight(texts...), make(chan result, 1)}
	go func() {
		taken, err := s.Send(out.fakeFlight)
		out.returned <- result{taken, err}
	}()
	return out
}

func testOptions() Options {
	return Options{Pipelining: 2, Timeout: 30 * time.Second, MaxPause: time.Minute}
}

func newStrategy(t testing.TB, name string) ack.Strategy {
	t.Helper()
	found, err := ack.Get(name)
	require.NoError(t, err)
	return found.New(ack.Config{})
}

// openSession opens a session with that peer.
func openSession(t testing.TB, ackName string, options Options, answer func(*peer, frame)) (*Session, *peer) {
	t.Helper()
	f := newFake()
	p := serve(f, answer)
	s, err := Open(t.Context(), f, newStrategy(t, ackName), options)
	require.NoError(t, err)
	return s, p
}

// within is a context for Close.
func within(t testing.TB, timeout time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	t.Cleanup(cancel)
	return ctx
}
