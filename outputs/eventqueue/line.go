// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package eventqueue

import "github.com/elastic/beats/v7/libbeat/publisher/queue"

// line holds producers in the order in which they came. Its links are in the
// producers, so that a wait allocates nothing and any of them can leave at once. The
// queue's mutex guards it.
type line struct{ first, last *producer }

// place is a producer's place in a line.
type place struct {
	before, next *producer
	waiting      bool          // in the queue's line, with an event that is not in the ring
	event        slot          // that event
	id           queue.EntryID // its id in the queue: 0 if it was refused
	over         chan struct{} // tells Publish that id is set; holds one
}

func (l *line) append(p *producer) {
	p.place.before, p.place.next = l.last, nil
	if l.last == nil {
		l.first = p
	} else {
		l.last.place.next = p
	}
	l.last = p
}

func (l *line) remove(p *producer) {
	before, next := p.place.before, p.place.next
	if before == nil {
		l.first = next
	} else {
		before.place.next = next
	}
	if next == nil {
		l.last = before
	} else {
		next.place.before = before
	}
}

// wake tells each producer of a line that is not the queue's that its wait is over.
// It is called without the mutex, because the producers lock it next.
func (l *line) wake() {
	for p := l.first; p != nil; {
		next := p.place.next // read first: once told, p may stand in the queue's line again
		p.place.over <- struct{}{}
		p = next
	}
}

// wait puts the producer at the end of the queue's line.
func (q *Queue) wait(p *producer, event slot) {
	p.place.event, p.place.waiting = event, true
	q.line.append(p)
}

// endWait takes the producer out of the queue's line. The caller has to wake it.
func (q *Queue) endWait(p *producer, id queue.EntryID) {
	q.line.remove(p)
	p.place.event, p.place.waiting, p.place.id = slot{}, false, id
}

// admit adds the events of the producers that have waited longest, and returns these
// producers. The code that makes room calls it before it unlocks the mutex: the ring is
// full as long as producers wait, so a later producer cannot overtake them.
func (q *Queue) admit() (admitted line) {
	for q.count < len(q.ring) && q.line.first != nil {
		p := q.line.first
		q.endWait(p, q.add(p.place.event))
		admitted.append(p)
	}
	return admitted
}

// refuse ends all waits, and returns the producers that waited.
func (q *Queue) refuse() (refused line) {
	for q.line.first != nil {
		p := q.line.first
		q.endWait(p, 0)
		refused.append(p)
	}
	return refused
}
