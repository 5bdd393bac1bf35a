// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"filebeat-websocket/outputs/websocket/ack"
	"filebeat-websocket/outputs/websocket/internal/conn"
	"filebeat-websocket/outputs/websocket/internal/window"
)

// Batch is what Send sends: the messages of one publisher batch.
type Batch interface {
	// Messages returns how many there are, at least 1.
	Messages() int
	// Size returns the length of message i in bytes.
	Size(i int) int
	// AppendTo appends message i to dst and returns the extended slice.
	AppendTo(dst []byte, i int) []byte

	// Confirmed tells that every message was confirmed.
	Confirmed()
	// Lost tells that the session died before that, and why.
	Lost(cause error)
}

// Conn is the connection as the session uses it; *conn.Conn is the real one.
type Conn interface {
	AppendMessage(binaryFrame bool, size int, appendTo func(dst []byte) []byte) error
	AppendPing(payload []byte)
	Flush() error
	Read(handler conn.Handler) error
	Close(code int, reason string)
	Cut()
}

// Options are the limits of a session.
type Options struct {
	// Binary sends binary frames instead of text ones.
	Binary bool
	// Pipelining is how many batches may be in flight, at least 1.
	Pipelining int
	// Timeout is how long a confirmation or the answer to a heartbeat may take.
	Timeout time.Duration
	// PingInterval is the time between heartbeats, 0 for none.
	PingInterval time.Duration
	// Ended, if set, is called once when an opened session dies, before its
	// batches are told.
	Ended func(cause error)
}

// Causes of a session's end that come from this side.
var (
	// ErrClosed is the cause after Close.
	ErrClosed = errors.New("the connection was closed by this side")
	// ErrTimeout is wrapped by the causes that the watch over the time gives.
	ErrTimeout = errors.New("timeout")
)

// Session is one connection's lifetime. Make one with Open.
type Session struct {
	conn     Conn
	strategy ack.Strategy
	options  Options

	writeMutex sync.Mutex

	stateMutex  sync.Mutex
	window      *window.Window[*flight]
	closing     bool          // Close was called: nothing new is taken
	handshake   bool          // the Close frame is about to go out: any end is ours
	cause       error         // why the session died, nil while it lives
	opened      bool          // Open has succeeded
	changed     chan struct{} // closed and replaced when a waiter should look again
	confirmedAt time.Time     // when the last message was confirmed
	pingAt      time.Time     // when the last Ping was written
	awaitSince  time.Time     // a heartbeat was written then and nothing was heard since; zero if not

	dead  chan struct{} // closed when the session dies
	poke  chan struct{} // tells watchLoop that a deadline has come into being
	loops sync.WaitGroup
}

// flight is a batch in flight. It is told of its fate once both sides have let
// go of it: the window, with the verdict, and Send, which may still read its
// records when the verdict comes. Without the second a batch that was lost while
// it was being written could be handed to another connection, be confirmed
// there, and have its records reused under the eyes of the first writer.
type flight struct {
	batch     Batch
	writtenAt time.Time // zero until its last byte is in the socket; guarded by stateMutex
	verdict   error     // nil: confirmed
	holders   atomic.Int32
}

func (f *flight) release() {
	if f.holders.Add(-1) > 0 {
		return
	}
	if f.verdict != nil {
		f.batch.Lost(f.verdict)
		return
	}
	f.batch.Confirmed()
}

// Open starts a session on c and waits until the strategy knows enough of the
// peer. It owns c from then on, also when it fails. The wait ends with Timeout
// or ctx.
func Open(ctx context.Context, c Conn, strategy ack.Strategy, options Options) (*Session, error) {
	s := &Session{
		conn:     c,
		strategy: strategy,
		options:  options,
		window:   window.New[*flight](options.Pipelining),
		changed:  make(chan struct{}),
		pingAt:   time.Now(),
		dead:     make(chan struct{}),
		poke:     make(chan struct{}, 1),
	}
	// A canceled ctx also ends a write that is blocked.
	stop := context.AfterFunc(ctx, func() { s.fail(ErrClosed) })
	defer stop()
	if err := s.probe(); err != nil {
		s.fail(err)
	}
	s.stateMutex.Lock()
	s.opened = s.cause == nil
	opened := s.opened
	s.stateMutex.Unlock()
	if !opened {
		s.loops.Wait()
		return nil, s.Err()
	}
	s.loops.Go(s.watchLoop)
	return s, nil
}

// probe starts readLoop and waits until the strategy is ready. writeMutex keeps
// a Ping that answers an early Pong behind the first one.
func (s *Session) probe() error {
	s.writeMutex.Lock()
	ping := s.strategy.Open()
	s.loops.Go(s.readLoop)
	err := s.writePingLocked(ping)
	s.writeMutex.Unlock()
	if err != nil {
		return err
	}
	timeout := time.NewTimer(s.options.Timeout)
	defer timeout.Stop()
	for {
		s.stateMutex.Lock()
		ready, changed := s.strategy.Ready(), s.changed
		s.stateMutex.Unlock()
		if ready {
			return nil
		}
		select {
		case <-changed:
		case <-s.dead:
			return s.Err()
		case <-timeout.C:
			return fmt.Errorf("%w: no answer to the first Ping within %v", ErrTimeout, s.options.Timeout)
		}
	}
}

// Note is what an operator should know of the peer, empty if there is nothing.
func (s *Session) Note() string {
	s.stateMutex.Lock()
	defer s.stateMutex.Unlock()
	return s.strategy.Note()
}

// Done is closed when the session has died.
func (s *Session) Done() <-chan struct{} { return s.dead }

// Err returns the cause of the session's death, nil while it lives.
func (s *Session) Err() error {
	s.stateMutex.Lock()
	defer s.stateMutex.Unlock()
	return s.cause
}

// Send writes the messages of a batch. It blocks while the window is full and
// while the peer does not read. It is called from one goroutine at a time.
//
// With taken true the session tells the batch of its fate, exactly once, from
// this or another goroutine, maybe before Send returns. With taken false
// nothing of it was written and the caller still owns it. The error is the
// cause of the session's end.
func (s *Session) Send(b Batch) (taken bool, err error) {
	f := &flight{batch: b}
	f.holders.Store(2) // the window and this call
	last, err := s.reserve(f)
	if err != nil {
		return false, err
	}
	defer f.release()

	confirmed, err := s.write(f, last)
	if err != nil {
		s.writeFailed(err)
		return true, s.Err()
	}
	s.confirm(confirmed)
	s.wakeWatch()
	return true, nil
}

// lastWords is how long the peer's side of a connection is still read after a
// write on it failed.
const lastWords = 100 * time.Millisecond

// writeFailed ends the session after a failed write. A peer that refuses what is
// being sent writes a Close frame and hangs up, and the RST may end the write
// before the reader has come to the Close frame, whose code says what to do
// next. So the reader goes first: on a broken connection it does not take long.
func (s *Session) writeFailed(err error) {
	if timeout := net.Error(nil); !errors.As(err, &timeout) || !timeout.Timeout() {
		wait := time.NewTimer(lastWords)
		defer wait.Stop()
		select {
		case <-s.dead:
		case <-wait.C:
		}
	}
	s.fail(err)
}

// reserve takes a place in the window, waiting for one.
func (s *Session) reserve(f *flight) (last uint64, err error) {
	for {
		s.stateMutex.Lock()
		switch {
		case s.cause != nil:
			defer s.stateMutex.Unlock()
			return 0, s.cause
		case s.closing:
			defer s.stateMutex.Unlock()
			return 0, ErrClosed
		case !s.window.Full():
			defer s.stateMutex.Unlock()
			return s.window.Push(f.batch.Messages(), f), nil
		}
		changed := s.changed
		s.stateMutex.Unlock()
		select {
		case <-changed:
		case <-s.dead:
		}
	}
}

// write writes the batch and the Ping behind it, and returns what the strategy
// takes for confirmed by that alone.
func (s *Session) write(f *flight, last uint64) (confirmed uint64, err error) {
	s.writeMutex.Lock()
	defer s.writeMutex.Unlock()

	b := f.batch
	message := 0
	appendTo := func(dst []byte) []byte { return b.AppendTo(dst, message) }
	for ; message < b.Messages(); message++ {
		if err := s.conn.AppendMessage(s.options.Binary, b.Size(message), appendTo); err != nil {
			return 0, err
		}
	}
	s.stateMutex.Lock()
	confirmed, ping := s.strategy.Sent(last)
	if ping != nil {
		s.pingAt = time.Now()
	}
	s.stateMutex.Unlock()
	if ping != nil {
		s.conn.AppendPing(ping)
	}
	if err := s.conn.Flush(); err != nil {
		return 0, err
	}
	s.stateMutex.Lock()
	f.writtenAt = time.Now() // the wait for its confirmation begins here
	s.stateMutex.Unlock()
	return confirmed, nil
}

// writePingLocked writes a Ping outside of a batch. No payload, no Ping.
// writeMutex is held.
func (s *Session) writePingLocked(ping []byte) error {
	if ping == nil {
		return nil
	}
	s.conn.AppendPing(ping)
	return s.conn.Flush()
}

// confirm settles every batch up to message through.
func (s *Session) confirm(through uint64) {
	if through == 0 {
		return
	}
	s.stateMutex.Lock()
	before := s.window.Confirmed()
	done, err := s.window.Confirm(through, nil)
	if s.window.Confirmed() > before {
		s.confirmedAt = time.Now()
	}
	if len(done) > 0 {
		s.broadcast()
	}
	s.stateMutex.Unlock()
	if err != nil {
		s.fail(err)
		return
	}
	for _, f := range done {
		f.release()
	}
}

// fail ends the session with that cause, once; later causes are consequences of
// the first. What was in flight is lost.
func (s *Session) fail(cause error) {
	s.stateMutex.Lock()
	if s.cause != nil {
		s.stateMutex.Unlock()
		return
	}
	if s.handshake {
		cause = ErrClosed // the peer's Close frame answers ours
	}
	s.cause = cause
	opened := s.opened
	lost := s.window.Fail(nil)
	s.broadcast()
	close(s.dead)
	s.stateMutex.Unlock()

	s.conn.Cut()
	if s.options.Ended != nil && opened {
		s.options.Ended(cause)
	}
	for _, f := range lost {
		f.verdict = cause
		f.release()
	}
}

// broadcast wakes everyone who waits for the state to change. stateMutex is held.
func (s *Session) broadcast() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// readLoop runs until the connection ends. It is started by Open, and ended by
// the peer, by Cut or by a read error.
func (s *Session) readLoop() {
	s.fail(s.conn.Read(incoming{s}))
}

// incoming keeps the handler's methods off the Session's exported ones.
type incoming struct{ s *Session }

func (in incoming) Heard() {
	s := in.s
	s.stateMutex.Lock()
	s.awaitSince = time.Time{}
	s.stateMutex.Unlock()
}

func (in incoming) Pong(payload []byte) {
	s := in.s
	s.stateMutex.Lock()
	confirmed, ping := s.strategy.Pong(payload)
	if !s.opened {
		s.broadcast() // probe looks again
	}
	s.stateMutex.Unlock()
	// A strategy asks for another Ping only while it probes: nothing else is
	// written then, so the reader does not wait for a writer here.
	if ping != nil {
		s.writeMutex.Lock()
		err := s.writePingLocked(ping)
		s.writeMutex.Unlock()
		if err != nil {
			s.fail(err)
			return
		}
	}
	s.confirm(confirmed)
}
