// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package budget

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// ErrShort is the cause for which a Lease was evicted: there is not enough memory
// for all that clients send at once, and this one has cost most.
var ErrShort = errors.New("too little memory for all that arrives")

const (
	// patience is for how long a Lease with bytes is left alone.
	patience = 250 * time.Millisecond
	// lookAgain is how often a claim that waits looks for a Lease to evict.
	lookAgain = 50 * time.Millisecond
)

// Budget is the memory of one receiver. Its methods may be called from any
// goroutine.
type Budget struct {
	arriving    share
	quick       share // decoding, those that need little
	heavy       share // decoding, the others
	uncommitted int64

	mutex  sync.Mutex
	leases map[*Lease]struct{}
}

// New returns a Budget of that many bytes.
func New(bytes int64) *Budget {
	return &Budget{
		arriving:    share{max: bytes / 2},
		quick:       share{max: bytes / 8},
		heavy:       share{max: bytes / 4},
		uncommitted: bytes / 8,
		leases:      map[*Lease]struct{}{},
	}
}

// MaxArriving returns the share for messages that arrive; one that is longer than
// half of it can't be read, since it is copied to a larger buffer on the way.
func (b *Budget) MaxArriving() int64 { return b.arriving.max }

// MaxUncommitted returns the share for what waits for Commit. The committer keeps
// the count.
func (b *Budget) MaxUncommitted() int64 { return b.uncommitted }

// InUse returns how many bytes are given out for messages that arrive or are
// decoded.
func (b *Budget) InUse() int64 { return b.arriving.inUse() + b.quick.inUse() + b.heavy.inUse() }

// Open returns a Lease for a client, until ctx ends.
func (b *Budget) Open(ctx context.Context) *Lease {
	l := &Lease{budget: b}
	l.ctx, l.cancel = context.WithCancelCause(ctx)
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.leases[l] = struct{}{}
	return l
}

// makeRoom evicts while claims do not fit.
func (b *Budget) makeRoom() {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	missing := b.arriving.short()
	for l := range b.leases {
		if l.evicted {
			missing -= l.bytes.Load() // it will let go
		}
	}
	now := time.Now()
	for missing > 0 {
		worst := b.worstLocked(now)
		if worst == nil {
			return // what is left ends by itself, or is looked at again
		}
		worst.evicted = true
		missing -= worst.bytes.Load()
		worst.cancel(ErrShort)
	}
}

// worstLocked returns the Lease that has cost most, nil if there is none that may
// be evicted.
func (b *Budget) worstLocked(now time.Time) (worst *Lease) {
	highest := float64(0)
	for l := range b.leases {
		age := now.Sub(time.Unix(0, l.since.Load()))
		if l.evicted || l.pinned || age < patience {
			continue
		}
		if cost := float64(l.bytes.Load()) * age.Seconds(); cost > highest {
			worst, highest = l, cost
		}
	}
	return worst
}

// Lease is what one client holds for the message that arrives. Its methods are
// called from one goroutine.
type Lease struct {
	budget *Budget
	ctx    context.Context
	cancel context.CancelCauseFunc

	bytes atomic.Int64
	since atomic.Int64 // when the message began, in nanoseconds since 1970

	// Under budget.mutex.
	evicted bool // for good: the client has to go
	pinned  bool
}

// Context returns a context that ends with the Lease; if it is evicted, with
// ErrShort as the cause.
func (l *Lease) Context() context.Context { return l.ctx }

// Begin notes that a message begins, for which the client may hold bytes already.
func (l *Lease) Begin() { l.since.Store(time.Now().UnixNano()) }

// Grow takes more bytes for the message, and waits for them. It returns the cause
// for which the Lease's context ended.
func (l *Lease) Grow(bytes int64) error {
	if bytes > l.budget.arriving.max {
		return ErrShort
	}
	if err := context.Cause(l.ctx); err != nil {
		return err
	}
	if waiting := l.budget.arriving.enter(bytes); waiting != nil {
		if err := l.await(waiting); err != nil {
			return err
		}
	}
	l.bytes.Add(bytes)
	return nil
}

func (l *Lease) await(waiting *claim) error {
	again := time.NewTicker(lookAgain)
	defer again.Stop()
	for {
		l.budget.makeRoom()
		select {
		case <-waiting.granted:
			return nil
		case <-l.ctx.Done():
			l.budget.arriving.leave(waiting)
			return context.Cause(l.ctx)
		case <-again.C:
		}
	}
}

// Shrink gives bytes back.
func (l *Lease) Shrink(bytes int64) {
	l.bytes.Add(-bytes)
	l.budget.arriving.give(bytes)
}

// Close gives all back and ends the Lease's context.
func (l *Lease) Close() {
	l.budget.mutex.Lock()
	delete(l.budget.leases, l)
	l.budget.mutex.Unlock()
	l.budget.arriving.give(l.bytes.Swap(0))
	l.cancel(context.Canceled)
}
