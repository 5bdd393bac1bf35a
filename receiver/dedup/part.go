// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package dedup

import (
	"sync"

	"filebeat-websocket/receiver"
	keys "filebeat-websocket/receiver/internal/identity"
)

// unit is what is sent again as a whole: a record with an id, or the records of a
// Forward request with a chunk.
type unit struct {
	id       identity
	anyones  identity // of a record, from any sender: what Recall knows
	from, to int      // indexes of Message.Records
	chunk    bool
	old      bool // it was taken before, or is a duplicate in this message
	reason   Reason
	covered  bool // its request is old
	twin     int  // index of the unit that it repeats in this message, or -1
}

// part is the state of a Dedup for one message.
type part struct {
	units   []unit // chunks first
	drop    []bool // of each record: it does not go to the Sink
	dropped int
	refused []bool // of each record, if single ones are refused
	index   []int  // of each record that goes to the Sink: its index in the message
	records [][]byte
	counts  []int // for Message.ChunkRecords
	message receiver.Message

	leftOut [reasons]int // records

	// For RefuseLate, of a message whose Sink may call it.
	dedup  *Dedup // nil unless it may
	outer  receiver.Late
	number uint64
	late   []bool // of each record, if single ones were refused late
	users  []user // what was left out because of a unit of this
}

// owner is a unit of a message.
type owner struct {
	part *part
	unit int
}

// user is a unit that was left out because of the first one.
type user struct {
	owner
	first int
}

var partPool = sync.Pool{New: func() any { return new(part) }}

func (p *part) giveBack() {
	p.clear()
	clear(p.users)
	p.dedup, p.outer, p.late, p.users = nil, nil, p.late[:0], p.users[:0]
	partPool.Put(p)
}

// clear lets go of the message.
func (p *part) clear() {
	clear(p.records)
	p.message = receiver.Message{}
}

// identify finds the units of m and reports whether there are any.
func (p *part) identify(m *receiver.Message) bool {
	p.units = p.units[:0]
	from, counted := 0, 0
	for _, count := range m.ChunkRecords {
		counted += count
	}
	if counted == len(m.Records) && len(m.Chunks) == len(m.ChunkRecords) {
		for i, chunk := range m.Chunks {
			to := from + m.ChunkRecords[i]
			if keys.TellsApart(chunk) {
				p.units = append(p.units, unit{id: identityOfRequest(m.Peer.Sender, chunk, m.Records[from:to]), from: from, to: to, chunk: true, twin: -1})
			}
			from = to
		}
	}
	if keys.HasIDs(m.Format) {
		for i, record := range m.Records {
			if n, ok := read(record); ok {
				u := unit{from: i, to: i + 1, twin: -1}
				u.id, u.anyones = n.identities(m.Peer.Sender)
				p.units = append(p.units, u)
			}
		}
	}
	if len(p.units) == 0 {
		return false
	}
	p.drop = append(p.drop[:0], make([]bool, len(m.Records))...)
	p.refused, p.dropped, p.leftOut = p.refused[:0], 0, [reasons]int{}
	return true
}

// repeat notes that a unit is old. twin is as in unit.
func (p *part) repeat(u *unit, twin int, reason Reason) {
	u.old, u.twin, u.reason = true, twin, reason
	if u.chunk {
		u.reason = ByChunk
	}
	for i := u.from; i < u.to; i++ {
		if !p.drop[i] {
			p.drop[i] = true
			p.dropped++
		}
	}
}

// leave returns m without its old units.
func (p *part) leave(m *receiver.Message) *receiver.Message {
	if p.dropped == 0 {
		return m
	}
	p.message, p.records, p.index, p.counts = *m, p.records[:0], p.index[:0], append(p.counts[:0], m.ChunkRecords...)
	for i, record := range m.Records {
		if !p.drop[i] {
			p.records, p.index = append(p.records, record), append(p.index, i)
		}
	}
	from := 0
	for i, count := range m.ChunkRecords {
		for _, dropped := range p.drop[min(from, len(p.drop)):min(from+count, len(p.drop))] {
			if dropped {
				p.counts[i]--
			}
		}
		from += count
	}
	p.message.Records, p.message.ChunkRecords = p.records, p.counts
	return &p.message
}

// refusedBy notes the records that a refusal of single ones names, and translates their
// indexes into those of m if the Sink saw only a part of it. A duplicate of a refused record in the
// same message is refused with it.
func (p *part) refusedBy(err error) error {
	p.refused = p.refused[:0]
	outcome := receiver.Taken(err, len(p.drop)-p.dropped)
	if outcome.Err != nil {
		return outcome.Err
	}
	refusal := outcome.Refusal
	if refusal == nil || len(refusal.Records) == 0 {
		return err
	}
	p.refused = append(p.refused, make([]bool, len(p.drop))...)
	for _, i := range refusal.Records {
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
	wide := &receiver.Refusal{Reason: refusal.Reason, Retry: refusal.Retry, Pause: refusal.Pause, Cause: refusal.Cause}
	for i, is := range p.refused {
		if is {
			wide.Records = append(wide.Records, i)
		}
	}
	return wide
}

// count counts the records that were left out and count as taken.
func (p *part) count() {
	for i := range p.units {
		u := &p.units[i]
		if u.old && !u.covered && !p.isRefused(u) {
			p.leftOut[u.reason] += u.to - u.from
		}
	}
}

// isRefused reports whether one of the unit's records is.
func (p *part) isRefused(u *unit) bool {
	return isAny(p.refused, u)
}
