// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"filebeat-websocket/outputs/websocket/ack"
	"filebeat-websocket/outputs/websocket/internal/conn"
	"filebeat-websocket/outputs/websocket/internal/window"
	"filebeat-websocket/protocol"
)

// Conn is the connection as the session uses it; *conn.Conn is the real one.
type Conn interface {
	AppendMessage(binaryFrame bool, size int, appendTo func(dst []byte) []byte) error
	AppendPing(payload []byte)
	Flush() error
	Read(handler conn.Handler) error
	Close(code protocol.CloseCode, reason string)
	Cut()
}

// Options are the limits of a session.
type Options struct {
	// Binary sends binary frames instead of text ones.
	Binary bool
	// Pipelining is the maximum number of batches in flight, at least 1.
	Pipelining int
	// Timeout is how long a confirmation or the answer to a heartbeat may take.
	Timeout time.Duration
	// PingInterval is the time between heartbeats, 0 for none.
	PingInterval time.Duration
	// MaxPause is the maximum pause that the receiver can ask for.
	MaxPause time.Duration

	// The following are optional callbacks. They must not block.

	// Ended is called once when an opened session dies, before its flights are
	// settled.
	Ended func(cause error)
	// Ignored is called with the first message that was not understood.
	Ignored func(err error)
	// RoundTrip is called with the time between a Ping and its Pong.
	RoundTrip func(time.Duration)
}

// Causes of a session's end that come from this side.
var (
	// ErrClosed is the cause after Close.
	ErrClosed = errors.New("the connection was closed by this side")
	// ErrTimeout is wrapped by every cause that is a timeout.
	ErrTimeout = errors.New("timeout")
)

// Session is one connection's lifetime. Make one with Open.
type Session struct {
	conn     Conn
	strategy ack.Strategy
	reader   ack.Reader // the strategy, if it reads the messages, else nil
	options  Options

	writeMutex sync.Mutex
	written    atomic.Uint64 // number of the last message that was appended

	stateMutex  sync.Mutex
	window      *window.Window[*inFlight]
	closing     bool          // Close was called: nothing new is taken
	ending      error         // why this side sent a Close frame: the cause when the session ends
	cause       error         // why the session died, nil while it lives
	opened      bool          // Open has succeeded
	changed     chan struct{} // closed and replaced at each change that someone may wait for
	settledAt   time.Time     // when the last message was confirmed or refused
	progressAt  time.Time     // when the peer last said that it is still working
	pingAt      time.Time     // when the last Ping was written
	awaitSince  time.Time     // when a heartbeat was written, if nothing was heard since; else zero
	pauseUntil  time.Time     // nothing new is written before that: the peer asked for it
	heldUntil   time.Time     // likewise: Pause was called
	measureFrom time.Time     // when the Ping was written whose round trip is measured; zero for none
	ignored     bool          // a message was not understood

	dead  chan struct{} // closed when the session dies
	poke  chan struct{} // tells watchLoop that there is a new deadline
	loops sync.WaitGroup
}

// Open starts a session on c and waits until the strategy is ready, at most Timeout or
// until ctx is done. It owns c, even if it fails.
func Open(ctx context.Context, c Conn, strategy ack.Strategy, options Options) (*Session, error) {
	s := &Session{
		conn:     c,
		strategy: strategy,
		options:  options,
		window:   window.New[*inFlight](options.Pipelining),
		changed:  make(chan struct{}),
		pingAt:   time.Now(),
		dead:     make(chan struct{}),
		poke:     make(chan struct{}, 1),
	}
	s.reader, _ = ack.As[ack.Reader](strategy)
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

// probe starts readLoop and waits until the strategy is ready. writeMutex makes sure
// that the first Ping is written before one that answers an early Pong.
func (s *Session) probe() error {
	s.writeMutex.Lock()
	payload := s.strategy.Open().Ping
	s.loops.Go(s.readLoop)
	err := s.writePingLocked(payload)
	s.writeMutex.Unlock()
	if err != nil {
		return err
	}
	timeout := time.NewTimer(s.options.Timeout)
	defer timeout.Stop()
	for {
		s.stateMutex.Lock()
		ready, changed := s.strategy.Ready(), s.changed
		awaited := "answer"
		if waiter, ok := ack.As[ack.Waiter](s.strategy); ok {
			awaited = waiter.Awaits()
		}
		s.stateMutex.Unlock()
		if ready {
			return nil
		}
		select {
		case <-changed:
		case <-s.dead:
			return s.Err()
		case <-timeout.C:
			return fmt.Errorf("%w: no %s within %v", ErrTimeout, awaited, s.options.Timeout)
		}
	}
}

// Note returns what an operator should know about the peer, empty for nothing.
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

// fail ends the session with that cause. Later calls do nothing: their causes are
// consequences of the first. What was in flight is lost.
func (s *Session) fail(cause error) {
	s.stateMutex.Lock()
	if s.cause != nil {
		s.stateMutex.Unlock()
		return
	}
	if s.ending != nil {
		cause = s.ending // the peer's Close frame answers ours
	}
	s.cause = cause
	opened := s.opened
	settled := s.window.Settled()
	lost := s.window.Fail(nil)
	for _, f := range lost {
		f.outcome.Cause = cause
		f.outcome.Alone = len(lost) == 1
		if settled >= f.first {
			f.outcome.Confirmed = int(settled - f.first + 1)
		}
		for number := max(settled+1, f.first); number < f.first+uint64(f.flight.Messages()); number++ {
			if s.window.IsSettled(number) {
				f.outcome.Apart = append(f.outcome.Apart, int(number-f.first))
			}
		}
	}
	s.broadcast()
	close(s.dead)
	s.stateMutex.Unlock()

	s.conn.Cut()
	if s.options.Ended != nil && opened {
		s.options.Ended(cause)
	}
	for _, f := range lost {
		f.release()
	}
}

// broadcast wakes all goroutines that wait for a change. stateMutex is held.
func (s *Session) broadcast() {
	close(s.changed)
	s.changed = make(chan struct{})
}
