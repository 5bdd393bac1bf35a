// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"context"
	"sync"
	"sync/atomic"
)

// heldMessageBytes is added to the bytes of each message, so that the number of empty
// messages is bounded too.
const heldMessageBytes = 64

// waiter is a client whose messages wait for Commit. Its methods are called from the
// committer's goroutine, and do not block.
type waiter interface {
	// seal notes that a Commit is about to begin, which covers what is held by then.
	seal()
	// settle confirms what a Commit covered, and returns its bytes.
	settle() (bytes int64)
	// fail refuses everything that is not committed, because a Commit failed, and
	// returns its bytes.
	fail(err error) (bytes int64)
}

// committer calls Commit once for all connections that wait (group commit). Its
// goroutine, commitLoop, runs only while a connection waits, so that a Handler which
// is dropped without Shutdown leaks nothing.
type committer struct {
	sink     Sink
	maxBytes int64
	ctx      context.Context // of Commit; it ends when Shutdown gives up
	giveUp   context.CancelFunc

	bytes   atomic.Int64 // consumed and not committed, of all connections
	failure atomic.Pointer[commitFailure]
	waiters func() []waiter // all there are

	mutex   sync.Mutex
	waiting []waiter      // for the next Commit
	running chan struct{} // closed when commitLoop ends; nil if there is none
	freed   chan struct{} // closed and replaced when bytes went down
}

// commitFailure is the latest Commit that failed. A message whose Consume began
// before that failure may be lost with it.
type commitFailure struct{ err error }

func newCommitter(sink Sink, maxBytes int64, waiters func() []waiter) *committer {
	g := &committer{sink: sink, maxBytes: maxBytes, waiters: waiters, freed: make(chan struct{})}
	g.ctx, g.giveUp = context.WithCancel(context.Background())
	return g
}

// request adds w to the list for the next Commit. w must not be on it yet.
func (g *committer) request(w waiter) {
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
func (g *committer) commitLoop() {
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
			w.seal()
		}
		settled := int64(0)
		if err := g.sink.Commit(g.ctx); err == nil {
			for _, w := range round {
				settled += w.settle()
			}
		} else {
			// From here on whatever Consume has begun with is added as refused. What was
			// added before is seen below.
			g.failure.Store(&commitFailure{err})
			for _, w := range append(round, g.waiters()...) { // some of round may have ended
				settled += w.fail(err)
			}
		}
		g.release(settled)
	}
}

// waitIdle waits until Commit is not running and nothing waits for it.
func (g *committer) waitIdle(ctx context.Context) {
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

// hold counts a message that waits for Commit and reports whether the reader has
// to wait for room.
func (g *committer) hold(bytes int64) (full bool) {
	return g.bytes.Add(bytes) > g.maxBytes
}

func (g *committer) release(bytes int64) {
	g.bytes.Add(-bytes)
	g.mutex.Lock()
	defer g.mutex.Unlock()
	close(g.freed)
	g.freed = make(chan struct{})
}

// waitRoom blocks while too much is uncommitted. Every connection that holds some of
// it has requested a Commit, or calls waitRoom next.
func (g *committer) waitRoom(ctx context.Context) {
	for {
		g.mutex.Lock()
		freed := g.freed
		g.mutex.Unlock()
		if g.bytes.Load() <= g.maxBytes {
			return
		}
		select {
		case <-freed:
		case <-ctx.Done():
			return
		}
	}
}
