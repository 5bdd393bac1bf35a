// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package eventqueue

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/elastic/beats/v7/libbeat/publisher/queue"
	"github.com/elastic/beats/v7/libbeat/publisher/queue/memqueue"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// event is the number of an event of a producer.
type event struct{ producer, number int }

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
					if _, ok := p.Publish(event{i, number}); !ok {
						t.Errorf("not published: event %d of producer %d", number, i)
					}
				}
			})
		}

		next := make([]int, producers)
		finish := func(b queue.Batch) {
			mutex.Lock()
			for i := range b.Count() {
				e, _ := b.Entry(i).(event)
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
				e, ok := b.Entry(i).(event)
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
