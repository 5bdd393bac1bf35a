// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package dedup

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"filebeat-websocket/receiver"
)

// Dedup wraps a Sink and leaves out duplicates of the newest records that the Sink took.
// A duplicate counts as taken and is confirmed with the next Commit, but does not get to
// the Sink a second time. It recognizes:
//
//   - a record in one of the JSON formats, msgpack or forward with an @metadata._id and
//     an agent.id, as Beats write them;
//   - a Forward request with a chunk, unless that is a hash as those of Fluent Bit.
//
// A duplicate has the same sender (Peer.Sender), agent and content too: anyone may have
// written an id into the line that is shipped. See identityOfRecord for what the content is. In other formats what looks
// like an id is content of the line.
//
// Only what was taken is remembered. A Commit that fails forgets what it should
// have made durable, so that a resend of it is written. The memory begins empty,
// unless Recall fills it. It grows with the ids, up to 90 bytes each; see ForgetAfter, too.
//
// Its methods may be called from any goroutine. Consume of the Sink runs concurrently for
// different records. The same record on a second connection waits until the fate of the
// first is known.
type Dedup struct {
	next receiver.Sink
	late bool // next refuses records after Consume

	leftOut  [reasons]atomic.Uint64
	recalled atomic.Int64

	mutex    sync.Mutex
	landed   *sync.Cond       // signalled when an id leaves flying
	flying   map[identity]int // what next is consuming, with the index of its unit
	seen     *memory
	failures uint64 // Commits that failed

	// Of a late next: what no Commit has covered.
	unsure      map[identity]owner
	uncommitted []*part
}

// New returns a Dedup before next that remembers as many ids and chunks, at least
// one.
func New(entries int, next receiver.Sink) *Dedup {
	d := &Dedup{next: next, flying: map[identity]int{}, seen: newMemory(max(entries, 1)), unsure: map[identity]owner{}}
	_, d.late = next.(receiver.LateSink)
	d.landed = sync.NewCond(&d.mutex)
	return d
}

// ForgetAfter makes the Dedup forget what was taken longer ago than window, and up to a
// hundredth of it. Call it before Recall and the first Consume.
func (d *Dedup) ForgetAfter(window time.Duration) { d.seen.window = window }

// Reason says how a duplicate was recognized.
type Reason int

// Reasons of duplicates.
const (
	ByID         Reason = iota // its id came in an earlier message
	ByRecalledID               // Recall has found its id
	ByMessage                  // its id came before in the same message
	ByChunk                    // the chunk of its request came before
	reasons      = iota
)

func (r Reason) String() string { return [reasons]string{"id", "recalled", "message", "chunk"}[r] }

// Reasons returns all of them.
func Reasons() []Reason { return []Reason{ByID, ByRecalledID, ByMessage, ByChunk} }

// LeftOut returns how many records were left out for a reason.
func (d *Dedup) LeftOut(r Reason) uint64 { return d.leftOut[r].Load() }

// Remembered returns how many ids and chunks are remembered.
func (d *Dedup) Remembered() int {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.seen.tell(time.Now())
	return d.seen.count
}

// Recalled returns how many ids Recall has found.
func (d *Dedup) Recalled() int { return int(d.recalled.Load()) }

// Commit commits the Sink.
func (d *Dedup) Commit(ctx context.Context) error {
	d.mutex.Lock()
	covered, parts := d.seen.added, len(d.uncommitted)
	d.mutex.Unlock()
	err := d.next.Commit(ctx)
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if err != nil {
		// What is in Consume now may be lost too; Consume sees that the count changed.
		d.failures++
		d.seen.forgetUnsure()
		clear(d.unsure)
		d.uncommitted = nil
		return err
	}
	d.seen.sure = covered
	d.commitLocked(parts)
	return nil
}

// Consume hands the new records of m on.
func (d *Dedup) Consume(ctx context.Context, m *receiver.Message) error {
	p, _ := partPool.Get().(*part)
	if !p.identify(m) {
		defer p.giveBack()
		return d.next.Consume(ctx, m)
	}
	if d.late && m.Late != nil {
		p.follow(d, m)
	} else {
		defer p.giveBack()
	}
	failures := d.takeOff(p)
	left, err := p.leave(m), error(nil)
	if p.dedup != nil {
		left.Late = p
	}
	if len(left.Records) > 0 {
		err = p.refusedBy(d.next.Consume(ctx, left))
	}
	if p.dedup != nil {
		m.Late = p.outer
	}
	if err == nil || len(p.refused) > 0 {
		p.count()
		for reason, count := range p.leftOut {
			d.leftOut[reason].Add(uint64(count))
			m.Duplicates += count
		}
	}
	p.clear()
	d.land(p, err, failures) // and from then on Commit may give it back
	return err
}

// takeOff sorts p's units into old and fresh ones and marks the fresh as flying.
// It waits while another connection has one of them in flight. A call that waits has
// marked nothing, so two calls cannot wait for each other.
func (d *Dedup) takeOff(p *part) (failures uint64) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	for d.anyFlies(p.units) {
		d.landed.Wait()
	}
	d.seen.tell(time.Now())
	for i := range p.units {
		u := &p.units[i]
		if !u.chunk && p.drop[u.from] {
			u.old, u.covered = true, true
			continue
		}
		if first, flies := d.flying[u.id]; flies {
			p.repeat(u, first, ByMessage) // only an earlier unit of this message can be flying
		} else if d.seen.has(u.id) {
			p.repeat(u, -1, ByID)
			d.dependLocked(p, i)
		} else if !u.chunk && d.seen.has(u.anyones) {
			p.repeat(u, -1, ByRecalledID)
		} else {
			d.flying[u.id] = i
		}
	}
	return d.failures
}

func (d *Dedup) anyFlies(units []unit) bool {
	for i := range units {
		if _, flies := d.flying[units[i].id]; flies {
			return true
		}
	}
	return false
}

// land remembers what was taken, unless a Commit has failed meanwhile.
func (d *Dedup) land(p *part, err error, failures uint64) {
	taken := err == nil || len(p.refused) > 0
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.seen.tell(time.Now())
	for i := range p.units {
		u := &p.units[i]
		if u.old {
			continue
		}
		delete(d.flying, u.id)
		if taken && failures == d.failures && !p.isRefused(u) && !isAny(p.late, u) {
			d.seen.add(u.id)
			if p.dedup != nil {
				d.unsure[u.id] = owner{p, i}
			}
		}
	}
	if p.dedup != nil {
		d.uncommitted = append(d.uncommitted, p)
	}
	d.landed.Broadcast()
}

var _ receiver.Sink = (*Dedup)(nil)
