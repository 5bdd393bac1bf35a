// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
)

// Dedup stands before a Consume and takes out what it has seen: records with an
// _id in their @metadata, and the Forward requests with a chunk, that are among
// the newest that were taken. They count as taken again, and are confirmed with
// what is committed next; but they do not get to Consume a second time.
//
// Only what was taken is remembered. A Commit that fails forgets what it should
// have made durable, so that a resend of it is written. The memory begins empty
// with each process. It costs up to 90 bytes an id, as they come.
//
// Its methods may be called from any goroutine. Different records are in Consume
// at the same time; the same record on two connections is not, as the second has
// to know what became of the first.
type Dedup struct {
	consume func(context.Context, *Batch) error
	commit  func(context.Context) error

	records, chunks atomic.Uint64

	mu       sync.Mutex
	landed   *sync.Cond       // what those wait for that want one of flying
	flying   map[identity]int // what is with Consume: the index of its unit
	seen     *memory
	failures uint64 // Commits that failed
}

// NewDedup returns a Dedup that remembers as many ids and chunks. commit is nil
// if there is nothing to commit.
func NewDedup(entries int, consume func(context.Context, *Batch) error, commit func(context.Context) error) (*Dedup, error) {
	if entries < 1 {
		return nil, errors.New("dedup: less than 1 entry")
	}
	if consume == nil {
		return nil, errors.New("dedup: consume is missing")
	}
	d := &Dedup{consume: consume, commit: commit, flying: map[identity]int{}, seen: newMemory(entries)}
	d.landed = sync.NewCond(&d.mu)
	return d, nil
}

// Hits tells how many records and how many whole chunks came again and were left
// out. A chunk's records do not count as records.
func (d *Dedup) Hits() (records, chunks uint64) { return d.records.Load(), d.chunks.Load() }

// Commit is for Options.Commit, but where NewDedup was given none.
func (d *Dedup) Commit(ctx context.Context) error {
	if d.commit == nil {
		return nil
	}
	d.mu.Lock()
	covered := d.seen.added
	d.mu.Unlock()
	err := d.commit(ctx)
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		// What is in Consume just now may be lost too, and sees the count change.
		d.failures++
		d.seen.forgetUnsure()
		return err
	}
	d.seen.sure = covered
	return nil
}

// Consume is for Options.Consume.
func (d *Dedup) Consume(ctx context.Context, b *Batch) error {
	p := partPool.Get().(*part) //nolint:errcheck,forcetypeassert // the pool holds nothing else
	defer p.giveBack()
	if !p.identify(b) {
		return d.consume(ctx, b)
	}
	failures := d.takeOff(p)
	left, err := p.leave(b), error(nil)
	if len(left.Records) > 0 {
		err = p.refusedBy(d.consume(ctx, left))
	}
	d.land(p, err, failures)
	if err == nil {
		d.records.Add(p.oldRecords)
		d.chunks.Add(p.oldChunks)
	}
	return err
}

// takeOff sorts p's units into old and fresh ones and marks the fresh as flying.
// It waits while one of them is with another connection. Nobody who waits has
// marked anything, so two can't wait for each other.
func (d *Dedup) takeOff(p *part) (failures uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for d.anyFlies(p.units) {
		d.landed.Wait()
	}
	for i := range p.units {
		u := &p.units[i]
		if !u.chunk && p.drop[u.from] {
			u.old = true // with its chunk
			continue
		}
		if first, flies := d.flying[u.id]; flies {
			p.repeat(u, first) // nothing but what is before it in this message flies
		} else if d.seen.has(u.id) {
			p.repeat(u, -1)
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
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range p.units {
		u := &p.units[i]
		if u.old {
			continue
		}
		delete(d.flying, u.id)
		if taken && failures == d.failures && !p.isRefused(u) {
			d.seen.add(u.id)
		}
	}
	d.landed.Broadcast()
}
