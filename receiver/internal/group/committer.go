// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package group commits once for all connections that wait for it (group commit). It
// knows neither what they speak nor what a Commit does: package receiver passes both.
package group

import (
	"context"
	"sync"
	"sync/atomic"
)

// MessageBytes is added to the bytes of each message, so that the number of empty
// messages is bounded too.
const MessageBytes = 64

// Waiter is a client whose messages wait for Commit. Its methods are called from the
// committer's goroutine, and do not block.
type Waiter interface {
	// Seal notes that a Commit is about to begin, which covers what is held by then.
	Seal()
	// Settle confirms what a Commit covered, and returns its bytes.
	Settle() (bytes int64)
	// Fail refuses everything that is not committed, because a Commit failed, and
	// returns its bytes.
	Fail(err error) (bytes int64)
}

// Committer calls Commit once for all connections that wait (group commit). Its
// goroutine, commitLoop, runs only while a connection waits, so that a Handler which
// is dropped without Shutdown leaks nothing.
type Committer struct {
	commit func(context.Context) error
	// MaxBytes bounds what is uncommitted.
	MaxBytes int64
	ctx      context.Context // of Commit; it ends when Shutdown gives up
	cancel   context.CancelFunc

	bytes   atomic.Int64 // consumed and not committed, of all connections
	failure atomic.Pointer[Failure]
	waiters func() []Waiter // all there are

	mutex   sync.Mutex
	waiting []Waiter      // for the next Commit
	running chan struct{} // closed when commitLoop ends; nil if there is none
	freed   chan struct{} // closed and replaced when bytes went down
}

// Failure is the latest Commit that failed. A message whose Consume began
// before that failure may be lost with it.
type Failure struct{ Err error }

// New returns a Committer that calls commit. waiters returns all that may hold something.
func New(commit func(context.Context) error, maxBytes int64, waiters func() []Waiter) *Committer {
	g := &Committer{commit: commit, MaxBytes: maxBytes, waiters: waiters, freed: make(chan struct{})}
	g.ctx, g.cancel = context.WithCancel(context.Background())
	return g
}

// Bytes is how much is taken and not committed, of all connections.
func (g *Committer) Bytes() int64 { return g.bytes.Load() }

// Failed returns the latest Commit that failed, nil if none did.
func (g *Committer) Failed() *Failure { return g.failure.Load() }

// GiveUp ends the context of Commit.
func (g *Committer) GiveUp() { g.cancel() }

// Request adds w to the list for the next Commit. w must not be on it yet.
func (g *Committer) Request(w Waiter) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	g.waiting = append(g.waiting, w)
	if g.running == nil {
		g.running = make(chan struct{})
		go g.commitLoop()
	}
}

// commitLoop ends when no connection waits. A Commit that succeeds covers what its
// round had consumed before it began; what is consumed meanwhile is for the next one.
// A Commit that fails refuses everything that any connection holds, and what is in
// Consume at that moment: only the Sink knows whether that went into the same
// transaction, or into the file after the bytes that were lost.
func (g *Committer) commitLoop() {
	for {
		g.mutex.Lock()
		round := g.waiting
		g.waiting = nil
		if len(round) == 0 {
			close(g.running)
			g.running = nil
			g.mutex.Unlock()
			return
		}
		g.mutex.Unlock()
		for _, w := range round {
			w.Seal()
		}
		settled := int64(0)
		if err := g.commit(g.ctx); err == nil {
			for _, w := range round {
				settled += w.Settle()
			}
		} else {
			// From here on whatever Consume has begun with is added as refused. What was
			// added before is seen below.
			g.failure.Store(&Failure{err})
			for _, w := range append(round, g.waiters()...) { // some of round may have ended
				settled += w.Fail(err)
			}
		}
		g.Release(settled)
	}
}

// WaitIdle waits until Commit is not running and nothing waits for it.
func (g *Committer) WaitIdle(ctx context.Context) {
	g.mutex.Lock()
	running := g.running
	g.mutex.Unlock()
	if running == nil {
		return
	}
	select {
	case <-running:
	case <-ctx.Done():
	}
}

// Hold counts a message that waits for Commit and reports whether the reader has
// to wait for room.
func (g *Committer) Hold(bytes int64) (full bool) {
	return g.bytes.Add(bytes) > g.MaxBytes
}

// Release gives bytes back that wait for Commit no longer.
func (g *Committer) Release(bytes int64) {
	g.bytes.Add(-bytes)
	g.mutex.Lock()
	defer g.mutex.Unlock()
	close(g.freed)
	g.freed = make(chan struct{})
}

// WaitRoom blocks while too much is uncommitted. Every connection that holds some of
// it has requested a Commit, or calls WaitRoom next.
func (g *Committer) WaitRoom(ctx context.Context) {
	for {
		g.mutex.Lock()
		freed := g.freed
		g.mutex.Unlock()
		if g.bytes.Load() <= g.MaxBytes {
			return
		}
		select {
		case <-freed:
		case <-ctx.Done():
			return
		}
	}
}
