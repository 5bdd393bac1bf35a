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

// ErrShort is the cause when a Lease is evicted: there is not enough memory for all
// that clients send at the same time, and this one has cost most: bytes times age.
var ErrShort = errors.New("too little memory for all that arrives")

const (
	// patience is how long a Lease with bytes is safe from eviction.
	patience = 250 * time.Millisecond
	// evictInterval is the pause between attempts to make room for a waiting claim.
	evictInterval = 5 * time.Millisecond
)

// Budget is the memory of one receiver. Its methods may be called from any
// goroutine.
type Budget struct {
	arriving    share
	ahead       share // read buffers: taken if there is room, never waited for
	quick       share // decoding of small messages
	heavy       share // decoding of large messages
	owed        share // confirmations that clients have not read; never waited for either
	uncommitted int64

	mutex    sync.Mutex
	leases   map[*Lease]struct{}
	evicting bool // evictLoop runs
}

// New returns a Budget of that many bytes.
func New(bytes int64) *Budget {
	return &Budget{
		arriving:    share{max: bytes/2 - bytes/16},
		ahead:       share{max: bytes / 16},
		quick:       share{max: bytes / 8},
		heavy:       share{max: bytes / 4},
		owed:        share{max: bytes / 16},
		uncommitted: bytes / 16,
		leases:      map[*Lease]struct{}{},
	}
}

// MaxUncommitted returns the share for what waits for Commit. The committer keeps
// the count.
func (b *Budget) MaxUncommitted() int64 { return b.uncommitted }

// InUse returns how many bytes are given out, without those that wait for Commit.
func (b *Budget) InUse() int64 {
	bytes := int64(0)
	for _, s := range []*share{&b.arriving, &b.ahead, &b.quick, &b.heavy, &b.owed} {
		bytes += s.inUse()
	}
	return bytes
}

// AheadBytes is the length of a read buffer.
const AheadBytes = 64 << 10

var aheadPool = sync.Pool{New: func() any { return new([AheadBytes]byte) }}

// TakeAhead returns a read buffer of AheadBytes, or nil if there is no memory for
// another one. It is for clients that send fast.
func (b *Budget) TakeAhead() []byte {
	if !b.ahead.try(AheadBytes) {
		return nil
	}
	buffer, _ := aheadPool.Get().(*[AheadBytes]byte)
	return buffer[:]
}

// GiveAhead returns the buffer to the Budget.
func (b *Budget) GiveAhead(buffer []byte) {
	aheadPool.Put((*[AheadBytes]byte)(buffer))
	b.ahead.give(AheadBytes)
}

// Open returns a Lease for a client, until ctx ends.
func (b *Budget) Open(ctx context.Context) *Lease {
	l := &Lease{budget: b}
	l.ctx, l.cancel = context.WithCancelCause(ctx)
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.leases[l] = struct{}{}
	return l
}

// evictLoop runs while claims wait.
func (b *Budget) evictLoop() {
	for b.makeRoom() {
		time.Sleep(evictInterval)
	}
}

// watchClaims starts evictLoop for a waiting claim, unless it runs.
func (b *Budget) watchClaims() {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if !b.evicting {
		b.evicting = true
		go b.evictLoop()
	}
}

// makeRoom evicts until the first claim will fit, once the evicted Leases have let go.
// It ignores the other claims: clients can claim any amount, so new clients could have
// all older ones evicted. It reports whether there is a claim.
func (b *Budget) makeRoom() bool {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	missing, waits := b.arriving.short()
	if !waits {
		b.evicting = false
		return false
	}
	for l := range b.leases {
		if l.state.Load() == leaseEvicted {
			missing -= l.bytes.Load() // it will let go
		}
	}
	now := time.Now()
	for missing > 0 {
		worst := b.worstLocked(now)
		if worst == nil {
			break // the rest ends by itself, or is looked at again
		}
		if !worst.state.CompareAndSwap(leaseEvictable, leaseEvicted) {
			continue // it has just been pinned
		}
		missing -= worst.bytes.Load()
		worst.cancel(ErrShort)
	}
	return true
}

// worstLocked returns the Lease with the largest product of bytes and age, nil if none
// may be evicted.
func (b *Budget) worstLocked(now time.Time) (worst *Lease) {
	highest := float64(0)
	for l := range b.leases {
		age := now.Sub(time.Unix(0, l.since.Load()))
		if l.state.Load() != leaseEvictable || age < patience {
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
	state atomic.Int32
	work  Work // of the message at hand
}

// States of a Lease.
const (
	leaseEvictable int32 = iota
	leasePinned
	leaseEvicted // for good: the client has to go
)

// Context returns a context that ends with the Lease; if it is evicted, with
// ErrShort as the cause.
func (l *Lease) Context() context.Context { return l.ctx }

// Begin notes that a message begins, for which the client may hold bytes already. If
// it holds none, the message counts from when it does.
func (l *Lease) Begin() { l.since.Store(time.Now().UnixNano()) }

// Grow takes more bytes for the message, and waits for them. If the Lease's context
// ends, it returns the cause.
func (l *Lease) Grow(bytes int64) error {
	if bytes > l.budget.arriving.max {
		return ErrShort
	}
	if err := context.Cause(l.ctx); err != nil {
		return err
	}
	held := l.bytes.Load()
	if waiting := l.budget.arriving.enter(bytes, held+bytes); waiting != nil {
		if err := l.await(waiting); err != nil {
			return err
		}
		if held == 0 {
			l.Begin()
		}
	}
	l.bytes.Add(bytes)
	return nil
}

func (l *Lease) await(waiting *claim) error {
	l.budget.watchClaims()
	select {
	case <-waiting.granted:
		return nil
	case <-l.ctx.Done():
		l.budget.arriving.leave(waiting)
		return context.Cause(l.ctx)
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
