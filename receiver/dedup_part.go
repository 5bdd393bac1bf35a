// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"errors"
	"fmt"
	"slices"
	"sync"
)

// The kinds of identities.
const (
	recordKind = iota
	chunkKind
)

// unit is what comes again as a whole: a record with an id, or the records of a
// Forward request with a chunk.
type unit struct {
	id       identity
	from, to int // indexes of Batch.Records
	chunk    bool
	old      bool // it was taken before, or is here a second time
	twin     int  // index of the unit that it repeats in this message, or -1
}

// part is what a Dedup works with on one message.
type part struct {
	units   []unit // chunks first
	drop    []bool // of each record: it does not go to Consume
	dropped int
	refused []bool // of each record, where single ones are
	index   []int  // of each record that does: where it is in the message
	records [][]byte
	counts  []int // for Batch.ChunkRecords
	batch   Batch

	oldRecords, oldChunks uint64
}

var partPool = sync.Pool{New: func() any { return new(part) }}

func (p *part) giveBack() {
	clear(p.records) // so that the pool does not hold on to messages
	p.batch = Batch{}
	partPool.Put(p)
}

// identify finds the units of b and tells whether there are any.
func (p *part) identify(b *Batch) bool {
	p.units = p.units[:0]
	from, counted := 0, 0
	for _, count := range b.ChunkRecords {
		counted += count
	}
	if counted == len(b.Records) && len(b.Chunks) == len(b.ChunkRecords) {
		for i, chunk := range b.Chunks {
			to := from + b.ChunkRecords[i]
			if chunk != "" {
				p.units = append(p.units, unit{id: identityOf(chunkKind, []byte(chunk)), from: from, to: to, chunk: true, twin: -1})
			}
			from = to
		}
	}
	for i, record := range b.Records {
		if id := recordID(record); id != nil {
			p.units = append(p.units, unit{id: identityOf(recordKind, id), from: i, to: i + 1, twin: -1})
		}
	}
	if len(p.units) == 0 {
		return false
	}
	p.drop = append(p.drop[:0], make([]bool, len(b.Records))...)
	p.refused, p.dropped, p.oldRecords, p.oldChunks = p.refused[:0], 0, 0, 0
	return true
}

// repeat notes that a unit is old. twin is as in unit.
func (p *part) repeat(u *unit, twin int) {
	u.old, u.twin = true, twin
	if u.chunk {
		p.oldChunks++
	} else {
		p.oldRecords++
	}
	for i := u.from; i < u.to; i++ {
		if !p.drop[i] {
			p.drop[i] = true
			p.dropped++
		}
	}
}

// leave returns b without what is old.
func (p *part) leave(b *Batch) *Batch {
	if p.dropped == 0 {
		return b
	}
	p.batch, p.records, p.index, p.counts = *b, p.records[:0], p.index[:0], append(p.counts[:0], b.ChunkRecords...)
	for i, record := range b.Records {
		if !p.drop[i] {
			p.records, p.index = append(p.records, record), append(p.index, i)
		}
	}
	from := 0
	for i, count := range b.ChunkRecords {
		for _, dropped := range p.drop[min(from, len(p.drop)):min(from+count, len(p.drop))] {
			if dropped {
				p.counts[i]--
			}
		}
		from += count
	}
	p.batch.Records, p.batch.ChunkRecords = p.records, p.counts
	return &p.batch
}

// refusedBy notes which records a refusal of single ones names, and makes it
// one of b's where Consume saw less than that. Who repeats a record of this message
// that is refused is refused too.
func (p *part) refusedBy(err error) error {
	p.refused = p.refused[:0]
	refusal := (*Refusal)(nil)
	if !errors.As(err, &refusal) || len(refusal.Records) == 0 {
		return err
	}
	p.refused = append(p.refused, make([]bool, len(p.drop))...)
	seen := len(p.drop) - p.dropped
	for _, i := range refusal.Records {
		if i < 0 || i >= seen {
			p.refused = p.refused[:0]
			return fmt.Errorf("the refusal names record %d of %d: %s", i, seen, refusal.Error())
		}
		if p.dropped > 0 {
			i = p.index[i]
		}
		p.refused[i] = true
	}
	for i := range p.units {
		if u := &p.units[i]; u.twin >= 0 && p.isRefused(&p.units[u.twin]) {
			for record := u.from; record < u.to; record++ {
				p.refused[record] = true
			}
		}
	}
	if p.dropped == 0 {
		return err
	}
	wide := &Refusal{Reason: refusal.Reason, Retry: refusal.Retry, Cause: refusal.Cause}
	for i, is := range p.refused {
		if is {
			wide.Records = append(wide.Records, i)
		}
	}
	return wide
}

// isRefused tells whether one of the unit's records is.
func (p *part) isRefused(u *unit) bool {
	return len(p.refused) > 0 && slices.Contains(p.refused[u.from:u.to], true)
}
