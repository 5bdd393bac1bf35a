// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package eventqueue

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/elastic/beats/v7/libbeat/publisher/queue"
	"github.com/elastic/beats/v7/libbeat/publisher/queue/memqueue"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// testEvent is the number of an event of a producer.
type testEvent struct{ producer, number int }

// Producers, consumers and batches that are done in any order: every event comes
// once, each producer's in order, and no producer is told more than was done.
func TestNothingIsLostWhateverTheInterleaving(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		settings := memqueue.Settings{
			Events:        rapid.IntRange(1, 40).Draw(t, "events"),
			MaxGetRequest: rapid.IntRange(0, 40).Draw(t, "flush.min_events"),
			FlushTimeout:  time.Duration(rapid.IntRange(0, 2).Draw(t, "flush.timeout")) * 100 * time.Microsecond,
		}
		producers := rapid.IntRange(1, 5).Draw(t, "producers")
		each := rapid.IntRange(1, 200).Draw(t, "events of each")
		count := rapid.IntRange(0, 50).Draw(t, "count of Get")
		held := rapid.IntRange(0, 3).Draw(t, "batches held back")

		q := New(settings, nil, nil)
		acked := make([]int, producers)
		var mutex sync.Mutex // of acked and done
		done := make([]int, producers)
		var writers sync.WaitGroup
		for i := range producers {
			p := q.Producer(queue.ProducerConfig{ACK: func(count int) {
				mutex.Lock()
				defer mutex.Unlock()
				acked[i] += count
				if acked[i] > done[i] {
					t.Errorf("producer %d is told of %d events, %d are done", i, acked[i], done[i])
				}
			}})
			writers.Go(func() {
				defer p.Close()
				for number := range each {
					if _, ok := p.Publish(testEvent{i, number}); !ok {
						t.Errorf("not published: event %d of producer %d", number, i)
					}
				}
			})
		}

		next := make([]int, producers)
		finish := func(b queue.Batch) {
			mutex.Lock()
			for i := range b.Count() {
				e, _ := b.Entry(i).(testEvent)
				done[e.producer]++
			}
			mutex.Unlock()
			b.FreeEntries()
			b.Done()
		}
		var waiting []queue.Batch
		for read := 0; read < producers*each; {
			b, err := q.Get(count)
			require.NoError(t, err)
			require.NotZero(t, b.Count())
			read += b.Count()
			for i := range b.Count() {
				e, ok := b.Entry(i).(testEvent)
				require.True(t, ok)
				require.Equal(t, next[e.producer], e.number)
				next[e.producer]++
			}
			waiting = append(waiting, b)
			// The ring may be full of what is held back.
			if full := heldEvents(waiting) >= settings.Events; full || len(waiting) > held {
				rand.Shuffle(len(waiting), func(i, j int) { waiting[i], waiting[j] = waiting[j], waiting[i] })
				for _, b := range waiting {
					finish(b)
				}
				waiting = nil
			}
		}
		for _, b := range waiting {
			finish(b)
		}
		writers.Wait()
		require.NoError(t, q.Close())
		<-q.Done()
		for i := range producers {
			require.Equal(t, each, acked[i], "of producer %d", i)
		}
	})
}

func heldEvents(batches []queue.Batch) (count int) {
	for _, b := range batches {
		count += b.Count()
	}
	return count
}

// client publishes until its producer or the queue is closed.
type client struct {
	producer queue.Producer
	accepted []int // numbers of events
	read     []int
	acked    atomic.Int64
}

func (c *client) run(number int) {
	for i := 0; ; i++ {
		publish := c.producer.Publish
		if rand.IntN(4) == 0 {
			publish = c.producer.TryPublish
		}
		if _, ok := publish(testEvent{number, i}); ok {
			c.accepted = append(c.accepted, i)
		} else if _, ok := c.producer.Publish(testEvent{number, -i}); ok {
			c.accepted = append(c.accepted, -i)
		} else {
			return
		}
	}
}

// Producers are closed while they wait, are admitted or publish, and in the end the
// queue is. What was accepted, and nothing else, comes once and in order, and every
// call returns.
func TestAcceptedEventsComeOnceWhateverCloses(t *testing.T) {
	for range 40 {
		capacity := rand.IntN(16) + 1
		seen := &counts{}
		q := New(memqueue.Settings{Events: capacity, MaxGetRequest: rand.IntN(capacity + 1)}, seen, nil)
		clients := make([]*client, 60)
		var running sync.WaitGroup
		for i := range clients {
			c := &client{}
			clients[i] = c
			c.producer = q.Producer(queue.ProducerConfig{ACK: func(count int) { c.acked.Add(int64(count)) }})
			running.Go(func() { c.run(i) })
		}
		batches := make(chan queue.Batch)
		for range 3 {
			running.Go(func() {
				for b := range batches {
					b.FreeEntries()
					b.Done()
				}
			})
		}
		running.Go(func() {
			defer close(batches)
			for {
				b, err := q.Get(0)
				if err != nil {
					return
				}
				for i := range b.Count() {
					e, _ := b.Entry(i).(testEvent)
					clients[e.producer].read = append(clients[e.producer].read, e.number)
				}
				batches <- b
			}
		})
		for _, i := range rand.Perm(len(clients))[:50] {
			for range rand.IntN(50) {
				runtime.Gosched()
			}
			clients[i].producer.Close()
		}
		require.NoError(t, q.Close())
		ended := make(chan struct{})
		go func() {
			running.Wait()
			close(ended)
		}()
		select {
		case <-ended:
		case <-time.After(time.Minute):
			require.Fail(t, "a call does not return")
		}
		for i, c := range clients {
			require.Equal(t, c.accepted, c.read, "of client %d", i)
			require.EqualValues(t, len(c.accepted), c.acked.Load(), "of client %d", i)
		}
		require.LessOrEqual(t, seen.most, capacity)
	}
}
