// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package eventqueue

import (
	"runtime"

	"github.com/elastic/beats/v7/libbeat/publisher/queue"
)

// turn is how many events a producer publishes before it lets other goroutines
// run. Nothing else interrupts it while there is room: with many producers each
// would fill the queue for a time slice of the scheduler, some thousand events,
// and filestream keeps memory for as many unconfirmed ones of each file.
const turn = 64

// producer is where one client of the pipeline adds its events.
type producer struct {
	queue *Queue
	ack   func(count int) // nil: nobody is to be told

	// For the goroutine that publishes.
	encoder   queue.Encoder // nil: none
	published int

	// Guarded by the queue's mutex.
	closed bool
	acked  int // events that ack is to be told of
}

// Producer implements queue.Queue.
func (q *Queue) Producer(config queue.ProducerConfig) queue.Producer {
	p := &producer{queue: q, ack: config.ACK}
	if q.encoders != nil {
		p.encoder = q.encoders()
	}
	return p
}

// Publish encodes the event and adds it to the queue, once there is room. It
// returns false when the queue or the producer is closed.
func (p *producer) Publish(entry queue.Entry) (queue.EntryID, bool) { return p.publish(entry, true) }

// TryPublish is Publish, except that it returns false when there is no room.
func (p *producer) TryPublish(entry queue.Entry) (queue.EntryID, bool) {
	return p.publish(entry, false)
}

func (p *producer) publish(entry queue.Entry, wait bool) (queue.EntryID, bool) {
	if p.published++; p.published%turn == 0 {
		runtime.Gosched()
	}
	var bytes int
	if p.encoder != nil {
		entry, bytes = p.encoder.EncodeEntry(entry)
	}
	q := p.queue
	q.mutex.Lock()
	defer q.mutex.Unlock()
	for wait && q.count == len(q.ring) && !q.closing && !p.closed {
		q.room.Wait()
	}
	if q.count == len(q.ring) || q.closing || p.closed {
		return 0, false
	}
	q.ring[(q.first+q.count)%len(q.ring)] = slot{entry: entry, bytes: bytes, producer: p}
	q.count++
	q.lastID++
	q.observer.AddEvent(bytes)
	if q.wanted > 0 && q.count-q.read >= q.wanted {
		q.answerGet()
	}
	return q.lastID, true
}

// Close ends a Publish that waits. What the producer has published stays in the
// queue, and is acknowledged.
func (p *producer) Close() {
	p.queue.mutex.Lock()
	defer p.queue.mutex.Unlock()
	p.closed = true
	p.queue.room.Broadcast()
}
