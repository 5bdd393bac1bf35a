// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package eventqueue

import (
	"runtime"

	"github.com/elastic/beats/v7/libbeat/publisher/queue"
)

// turn is how many events a producer publishes before it lets other goroutines
// run. While there is room, nothing else interrupts it: with many producers, each would
// add some thousand events in its time slice, and filestream keeps memory for all
// unconfirmed events of each file.
const turn = 64

// producer adds the events of one client of the pipeline.
type producer struct {
	queue *Queue
	ack   func(count int) // nil: the producer is not told

	// Used only by the goroutine that publishes.
	encoder   queue.Encoder // nil: none
	published int

	// Guarded by the queue's mutex.
	closed bool
	acked  int // events that ack is to be told of
	place  place
}

// Forgetter is an encoder that wants to know that the event which it encoded last did
// not get into the queue.
type Forgetter interface{ Forget() }

// Producer implements queue.Queue.
func (q *Queue) Producer(config queue.ProducerConfig) queue.Producer {
	p := &producer{queue: q, ack: config.ACK, place: place{over: make(chan struct{}, 1)}}
	if q.encoders != nil {
		p.encoder = q.encoders()
	}
	return p
}

// Publish encodes the event and adds it to the queue. If the queue is full, it waits
// its turn behind the producers that wait already. It returns false when the queue or
// the producer is closed.
func (p *producer) Publish(entry queue.Entry) (queue.EntryID, bool) {
	id, waits := p.publish(entry, true)
	if waits {
		<-p.place.over
		id = p.place.id
	}
	return p.result(id)
}

// result tells the encoder of an event that did not get into the queue.
func (p *producer) result(id queue.EntryID) (queue.EntryID, bool) {
	if id == 0 {
		if encoder, wants := p.encoder.(Forgetter); wants {
			encoder.Forget()
		}
	}
	return id, id != 0
}

// TryPublish is Publish, but returns false instead of waiting for room.
func (p *producer) TryPublish(entry queue.Entry) (queue.EntryID, bool) {
	id, _ := p.publish(entry, false)
	return p.result(id)
}

// publish returns the event's id, or 0 if it is refused or has to wait: then p.place
// tells when the wait ends.
func (p *producer) publish(entry queue.Entry, mayWait bool) (id queue.EntryID, waits bool) {
	if p.published++; p.published%turn == 0 {
		runtime.Gosched()
	}
	var bytes int
	if p.encoder != nil {
		entry, bytes = p.encoder.EncodeEntry(entry)
	}
	event := slot{entry: entry, bytes: bytes, producer: p}
	q := p.queue
	q.mutex.Lock()
	defer q.mutex.Unlock()
	switch {
	case q.closing || p.closed:
		return 0, false
	case q.count < len(q.ring):
		return q.add(event), false
	case mayWait:
		q.wait(p, event)
		return 0, true
	}
	return 0, false
}

// add returns the id of the event. It is called with the mutex held, when there is
// room.
func (q *Queue) add(event slot) queue.EntryID {
	q.ring[(q.first+q.count)%len(q.ring)] = event
	q.count++
	q.lastID++
	q.observer.AddEvent(event.bytes)
	if q.wanted > 0 && q.count-q.read >= q.wanted {
		q.answerGet()
	}
	return q.lastID
}

// Close ends a Publish that waits. What the producer has published stays in the
// queue, and is acknowledged.
func (p *producer) Close() {
	q := p.queue
	q.mutex.Lock()
	defer q.mutex.Unlock()
	p.closed = true
	if p.place.waiting {
		q.endWait(p, 0)
		p.place.over <- struct{}{}
	}
}
