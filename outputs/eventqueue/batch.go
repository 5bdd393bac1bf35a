// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package eventqueue

import "github.com/elastic/beats/v7/libbeat/publisher/queue"

// batch is a stretch of the ring. Until it is done, nothing else uses these slots.
type batch struct {
	queue *Queue
	start int // index of the first event, may be beyond the ring's end
	count int
	bytes int
	done  bool // guarded by the queue's mutex
}

// Count implements queue.Batch.
func (b *batch) Count() int { return b.count }

// Entry implements queue.Batch.
func (b *batch) Entry(i int) queue.Entry { return b.slot(i).entry }

func (b *batch) slot(i int) *slot { return &b.queue.ring[(b.start+i)%len(b.queue.ring)] }

// FreeEntries implements queue.Batch: the collector may have the events, while
// their slots stay in use.
func (b *batch) FreeEntries() {
	for i := range b.count {
		b.slot(i).entry = nil
	}
}

// Done implements queue.Batch; a second call changes nothing. Another goroutine tells
// the producers, because their callbacks may block.
func (b *batch) Done() {
	q := b.queue
	q.mutex.Lock()
	defer q.mutex.Unlock()
	if b.done {
		return
	}
	b.done = true
	if !q.acking && q.batches[0].done {
		q.acking = true
		go q.acknowledge()
	}
}

// acknowledgement tells a producer how many more of its events are done.
type acknowledgement struct {
	ack   func(count int)
	count int
}

// acknowledge removes events from the ring and tells their producers, as long as the
// oldest batch is done. Only one call runs at a time, which keeps the order. Producers
// that waited for room wake first, because a callback may take long.
func (q *Queue) acknowledge() {
	for {
		acknowledgements, admitted, goOn := q.remove()
		if !goOn {
			return
		}
		admitted.wake()
		for _, a := range acknowledgements {
			a.ack(a.count)
		}
	}
}

// remove removes the oldest batches that are done, and returns false if there is
// none. The room goes to producers that wait for it.
func (q *Queue) remove() (_ []acknowledgement, admitted line, goOn bool) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	var producers []*producer
	var count, bytes, batches int
	for ; batches < len(q.batches) && q.batches[batches].done; batches++ {
		b := q.batches[batches]
		count += b.count
		bytes += b.bytes
		for i := range b.count {
			s := b.slot(i)
			if s.producer.acked == 0 {
				producers = append(producers, s.producer)
			}
			s.producer.acked++
			*s = slot{}
		}
	}
	if batches == 0 {
		q.acking = false
		q.endIfEmpty()
		return nil, line{}, false
	}
	q.batches = append(q.batches[:0], q.batches[batches:]...)
	q.first = (q.first + count) % len(q.ring)
	q.count -= count
	q.read -= count
	q.observer.RemoveEvents(count, bytes)
	admitted = q.admit()
	acknowledgements := make([]acknowledgement, 0, len(producers))
	for _, p := range producers {
		if p.ack != nil {
			acknowledgements = append(acknowledgements, acknowledgement{p.ack, p.acked})
		}
		p.acked = 0
	}
	return acknowledgements, admitted, true
}
