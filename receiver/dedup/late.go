// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package dedup

import (
	"slices"

	"filebeat-websocket/receiver"
)

// This file is for a Sink that learns only after Consume whether it could store records. A
// record that is lost is forgotten, and so that nothing is confirmed that is not stored, its
// duplicates are refused with it: those that were left out since.

// follow has the part know which message it is for.
func (p *part) follow(d *Dedup, m *receiver.Message) {
	p.dedup, p.outer, p.number = d, m.Late, m.Number
}

// dependLocked notes that a unit was left out because of another one. What a Commit has
// covered needs no note.
func (d *Dedup) dependLocked(p *part, unit int) {
	if first, ok := d.unsure[p.units[unit].id]; ok && p.dedup != nil {
		first.part.users = append(first.part.users, user{owner{p, unit}, first.unit})
	}
}

// commitLocked forgets the first parts: they can't be refused any more.
func (d *Dedup) commitLocked(parts int) {
	for _, p := range d.uncommitted[:parts] {
		for i := range p.units {
			if id := p.units[i].id; d.unsure[id].part == p {
				delete(d.unsure, id)
			}
		}
		p.giveBack()
	}
	d.uncommitted = slices.Delete(d.uncommitted, 0, parts)
}

// RefuseLate refuses records that the Sink has taken, and what depends on them.
func (p *part) RefuseLate(_ uint64, refusal *receiver.Refusal) {
	p.dedup.mutex.Lock()
	defer p.dedup.mutex.Unlock()
	lost := make([]bool, len(p.drop))
	for i := range lost {
		lost[i] = len(refusal.Records) == 0 && !p.drop[i]
	}
	for _, i := range refusal.Records {
		if p.dropped > 0 {
			i = p.index[i]
		}
		lost[i] = true
	}
	p.loseLocked(lost, refusal)
}

// loseLocked refuses the records of the message that are lost, and their duplicates in it
// and in other messages.
func (p *part) loseLocked(lost []bool, refusal *receiver.Refusal) {
	if len(p.late) == 0 {
		p.late = append(p.late, make([]bool, len(p.drop))...)
	}
	for i := range p.units {
		if u := &p.units[i]; u.twin >= 0 && isAny(lost, &p.units[u.twin]) {
			for record := u.from; record < u.to; record++ {
				lost[record] = true
			}
		}
	}
	said := &receiver.Refusal{Reason: refusal.Reason, Retry: refusal.Retry, Pause: refusal.Pause, Cause: refusal.Cause}
	for record, is := range lost {
		if is && !p.late[record] {
			p.late[record] = true
			said.Records = append(said.Records, record)
		}
	}
	if len(said.Records) == 0 {
		return
	}
	p.outer.RefuseLate(p.number, said)
	for i := range p.units {
		if u := &p.units[i]; isAny(lost, u) && p.dedup.unsure[u.id] == (owner{p, i}) {
			delete(p.dedup.unsure, u.id)
			p.dedup.seen.forget(u.id)
		}
	}
	for _, user := range p.users {
		if isAny(lost, &p.units[user.first]) {
			u := user.part.units[user.unit]
			also := make([]bool, len(user.part.drop))
			for record := u.from; record < u.to; record++ {
				also[record] = true
			}
			user.part.loseLocked(also, refusal)
		}
	}
}

// isAny reports whether that is true of a record of the unit.
func isAny(records []bool, u *unit) bool {
	return len(records) > 0 && slices.Contains(records[u.from:u.to], true)
}
