// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package eventqueue

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/elastic/beats/v7/libbeat/publisher/queue"
	"github.com/elastic/beats/v7/libbeat/publisher/queue/memqueue"
	"github.com/elastic/elastic-agent-libs/logp"
)

// Queue implements queue.Queue. All of its methods and those of its producers and
// batches may be called by any goroutine, but events of one producer are published
// by one goroutine at a time.
type Queue struct {
	longestBatch int           // events
	flushTimeout time.Duration // 0: a batch never waits for more events
	encoders     queue.EncoderFactory
	observer     queue.Observer // called with the mutex held

	done    chan struct{} // closed when the queue is closed and empty
	reading sync.Mutex    // held by the Get that waits
	enough  chan struct{} // tells it that the wait is over; holds one

	mutex   sync.Mutex
	ring    []slot
	first   int           // index of the oldest event
	count   int           // events in the ring
	read    int           // how many of these are in batches: the oldest
	lastID  queue.EntryID // of the newest event
	wanted  int           // unread events that the Get waits for, 0 if it doesn't
	closing bool
	batches []*batch // not removed from the ring yet, oldest first
	acking  bool     // acknowledge runs
	line    line     // producers that wait for room; empty unless the ring is full
}

// slot is an event's place in the ring.
type slot struct {
	entry    queue.Entry // nil once the batch is told to free it
	bytes    int         // encoded
	producer *producer
}

// maxEvents guards against a typo: the ring alone would take 2 GiB.
const maxEvents = 1 << 26

// Factory returns a function that makes queues with these settings, which have the
// meaning that they have in libbeat's memory queue.
func Factory(settings memqueue.Settings) queue.QueueFactory {
	return func(_ *logp.Logger, observer queue.Observer, _ int, encoders queue.EncoderFactory) (queue.Queue, error) {
		if settings.Events > maxEvents {
			return nil, fmt.Errorf("queue.mem.events: must be at most %d, is %d", maxEvents, settings.Events)
		}
		return New(settings, observer, encoders), nil
	}
}

// New returns an empty queue. encoders makes an encoder for each producer; it and
// observer may be nil.
func New(settings memqueue.Settings, observer queue.Observer, encoders queue.EncoderFactory) *Queue {
	if observer == nil {
		observer = queue.NewQueueObserver(nil)
	}
	longest, timeout := settings.MaxGetRequest, settings.FlushTimeout
	if longest <= 1 {
		// As in libbeat: batches of one event used to mean no delay.
		longest, timeout = (settings.Events+1)/2, 0
	}
	q := &Queue{
		longestBatch: min(longest, settings.Events),
		flushTimeout: timeout,
		encoders:     encoders,
		observer:     observer,
		done:         make(chan struct{}),
		enough:       make(chan struct{}, 1),
		ring:         make([]slot, settings.Events),
	}
	observer.MaxEvents(settings.Events)
	return q
}

// Close refuses further events and those that wait for room, and returns the unread ones
// from Get without delay.
func (q *Queue) Close() error {
	refused := q.close()
	refused.wake()
	return nil
}

func (q *Queue) close() (refused line) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	if q.closing {
		return line{}
	}
	q.closing = true
	if q.wanted > 0 && q.count > q.read {
		q.answerGet()
	}
	q.endIfEmpty()
	return q.refuse()
}

// endIfEmpty is called with the mutex held.
func (q *Queue) endIfEmpty() {
	if q.closing && q.count == 0 && !q.acking {
		close(q.done)
	}
}

// Done implements queue.Queue: the channel is closed when the queue is closed, all
// of its events are done with, and the producers were told.
func (q *Queue) Done() <-chan struct{} { return q.done }

// QueueType implements queue.Queue.
func (q *Queue) QueueType() string { return memqueue.QueueType }

// BufferConfig implements queue.Queue.
func (q *Queue) BufferConfig() queue.BufferConfig { return queue.BufferConfig{MaxEvents: len(q.ring)} }

// Get waits for an event, and then until there are count events or the flush
// timeout has passed. It returns io.EOF when the queue is done.
func (q *Queue) Get(count int) (queue.Batch, error) {
	if count <= 0 || count > q.longestBatch {
		count = q.longestBatch
	}
	q.reading.Lock()
	defer q.reading.Unlock()
	if !q.await(1, nil) {
		return nil, io.EOF
	}
	if q.flushTimeout > 0 && count > 1 {
		timer := time.NewTimer(q.flushTimeout)
		defer timer.Stop()
		q.await(count, timer.C)
	}
	return q.take(count), nil
}

// await waits for that many unread events. It returns true when they are there, at the
// timeout, or when there are some and the queue is closed; false when the queue is done.
func (q *Queue) await(unread int, timeout <-chan time.Time) bool {
	q.mutex.Lock()
	available := q.count - q.read
	if available >= unread || q.closing && available > 0 {
		q.mutex.Unlock()
		return true
	}
	q.wanted = unread
	q.mutex.Unlock()
	select {
	case <-q.enough:
		return true
	case <-q.done:
		return false
	case <-timeout:
	}
	q.mutex.Lock()
	defer q.mutex.Unlock()
	if q.wanted == 0 {
		<-q.enough // it was answered at the same moment
	}
	q.wanted = 0
	return true
}

// answerGet is called with the mutex held.
func (q *Queue) answerGet() {
	q.wanted = 0
	q.enough <- struct{}{}
}

func (q *Queue) take(count int) *batch {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	b := &batch{queue: q, start: q.first + q.read, count: min(count, q.count-q.read)}
	for i := range b.count {
		b.bytes += b.slot(i).bytes
	}
	q.read += b.count
	q.batches = append(q.batches, b)
	q.observer.ConsumeEvents(b.count, b.bytes)
	return b
}

var _ queue.Queue = (*Queue)(nil)
