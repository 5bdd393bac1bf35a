// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package eventqueue

import (
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/elastic/beats/v7/libbeat/publisher/queue"
	"github.com/elastic/beats/v7/libbeat/publisher/queue/memqueue"
	"github.com/elastic/beats/v7/libbeat/publisher/queue/queuetest"
	"github.com/stretchr/testify/require"
)

// entries of the events of a batch.
func entries(b queue.Batch) []queue.Entry {
	var all []queue.Entry
	for i := range b.Count() {
		all = append(all, b.Entry(i))
	}
	return all
}

func get(t *testing.T, q *Queue, count int) queue.Batch {
	t.Helper()
	b, err := q.Get(count)
	require.NoError(t, err)
	return b
}

func publishAll(t *testing.T, p queue.Producer, events ...queue.Entry) {
	t.Helper()
	for _, event := range events {
		_, ok := p.Publish(event)
		require.True(t, ok)
	}
}

// publishing publishes from another goroutine, and sends whether that was done.
func publishing(p queue.Producer, event queue.Entry) <-chan bool {
	published := make(chan bool, 1)
	go func() {
		_, ok := p.Publish(event)
		published <- ok
	}()
	return published
}

// libbeat's own tests of a queue, with its settings for them.
func TestQueueIsWhatLibbeatAsksOfOne(t *testing.T) {
	for name, settings := range map[string]memqueue.Settings{
		"without a flush timeout":           {Events: 200},
		"with a flush timeout":              {Events: 200, MaxGetRequest: 50, FlushTimeout: 10 * time.Millisecond},
		"smaller than a batch":              {Events: 5, MaxGetRequest: 100, FlushTimeout: 10 * time.Millisecond},
		"batches that do not divide a ring": {Events: 101, MaxGetRequest: 30, FlushTimeout: 10 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			factory := func(*testing.T) queue.Queue { return New(settings, nil, nil) }
			queuetest.TestSingleProducerConsumer(t, 700, 70, factory)
			queuetest.TestMultiProducerConsumer(t, 700, 70, factory)
		})
	}
}

func TestBatchIsFullOrAsOldAsTheFlushTimeout(t *testing.T) {
	const timeout = time.Second
	for name, c := range map[string]struct {
		settings    memqueue.Settings
		before      int // events that are there when Get is called
		count       int // asked for
		every       time.Duration
		wantEvents  int
		wantElapsed time.Duration
	}{
		"enough are there":                            {memqueue.Settings{Events: 10, MaxGetRequest: 4, FlushTimeout: timeout}, 6, 4, 0, 4, 0},
		"the last one comes in time":                  {memqueue.Settings{Events: 10, MaxGetRequest: 4, FlushTimeout: timeout}, 2, 4, 300 * time.Millisecond, 4, 600 * time.Millisecond},
		"the timeout comes first":                     {memqueue.Settings{Events: 10, MaxGetRequest: 4, FlushTimeout: timeout}, 1, 4, 700 * time.Millisecond, 2, timeout},
		"the timeout begins with the first event":     {memqueue.Settings{Events: 10, MaxGetRequest: 4, FlushTimeout: timeout}, 0, 4, 900 * time.Millisecond, 2, 1900 * time.Millisecond},
		"fewer are asked for":                         {memqueue.Settings{Events: 10, MaxGetRequest: 4, FlushTimeout: timeout}, 3, 2, 0, 2, 0},
		"more are asked for than a batch can have":    {memqueue.Settings{Events: 10, MaxGetRequest: 4, FlushTimeout: timeout}, 6, 100, 0, 4, 0},
		"no number is asked for":                      {memqueue.Settings{Events: 10, MaxGetRequest: 4, FlushTimeout: timeout}, 6, 0, 0, 4, 0},
		"no timeout":                                  {memqueue.Settings{Events: 10, MaxGetRequest: 4}, 1, 4, time.Minute, 1, 0},
		"batches of one, which are half of the queue": {memqueue.Settings{Events: 10, MaxGetRequest: 1, FlushTimeout: timeout}, 8, 0, 0, 5, 0},
		"a batch longer than the queue":               {memqueue.Settings{Events: 3, MaxGetRequest: 9, FlushTimeout: timeout}, 3, 0, 0, 3, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := New(c.settings, nil, nil)
				p := q.Producer(queue.ProducerConfig{})
				for range c.before {
					publishAll(t, p, "event")
				}
				ended := make(chan struct{})
				go func() {
					for c.every > 0 {
						select {
						case <-time.After(c.every):
							p.TryPublish("event")
						case <-ended:
							return
						}
					}
				}()
				begun := time.Now()
				b := get(t, q, c.count)
				require.Equal(t, c.wantElapsed, time.Since(begun))
				require.Equal(t, c.wantEvents, b.Count())
				close(ended)
			})
		})
	}
}

func TestProducersAreToldInOrderAndOnlyOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(memqueue.Settings{Events: 8, MaxGetRequest: 2}, nil, nil)
		var told []int
		a := q.Producer(queue.ProducerConfig{ACK: func(count int) { told = append(told, count) }})
		b := q.Producer(queue.ProducerConfig{ACK: func(count int) { told = append(told, -count) }})
		silent := q.Producer(queue.ProducerConfig{})
		publishAll(t, a, 1, 2)
		publishAll(t, b, 3)
		publishAll(t, a, 4)
		publishAll(t, silent, 5)
		publishAll(t, b, 6)
		first, second, third := get(t, q, 2), get(t, q, 2), get(t, q, 2)
		require.Equal(t, []queue.Entry{3, 4}, entries(second))

		third.Done()
		second.Done()
		synctest.Wait()
		require.Empty(t, told, "the oldest batch is not done")
		first.Done()
		synctest.Wait()
		require.Equal(t, []int{3, -2}, told)
		first.Done()
		synctest.Wait()
		require.Equal(t, []int{3, -2}, told)
	})
}

func TestFullQueueHoldsPublishUntilTheOldestBatchIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(memqueue.Settings{Events: 4, MaxGetRequest: 2}, nil, nil)
		p := q.Producer(queue.ProducerConfig{})
		publishAll(t, p, 1, 2, 3, 4)
		_, ok := p.TryPublish(5)
		require.False(t, ok)
		published := publishing(p, 5)
		oldest, other := get(t, q, 2), get(t, q, 2)
		oldest.FreeEntries()
		other.Done()
		synctest.Wait()
		require.Empty(t, published)
		oldest.Done()
		require.True(t, <-published)
		require.Equal(t, []queue.Entry{5}, entries(get(t, q, 2)))
	})
}

func TestEndOfAProducerEndsItsPublish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(memqueue.Settings{Events: 1}, nil, nil)
		told := 0
		p := q.Producer(queue.ProducerConfig{ACK: func(count int) { told += count }})
		publishAll(t, p, 1)
		published := publishing(p, 2)
		synctest.Wait()
		p.Close()
		require.False(t, <-published)
		get(t, q, 1).Done()
		synctest.Wait()
		require.Equal(t, 1, told, "what it published before")
	})
}

func TestClosedQueueHandsOutWhatItHasAndIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(memqueue.Settings{Events: 4, MaxGetRequest: 3, FlushTimeout: time.Hour}, nil, nil)
		told := 0
		p := q.Producer(queue.ProducerConfig{ACK: func(count int) { told += count }})
		publishAll(t, p, 1, 2)
		batches := make(chan queue.Batch, 1)
		go func() {
			b, _ := q.Get(3)
			batches <- b
		}()
		synctest.Wait()
		require.Empty(t, batches, "the batch is not full")
		closed := time.Now()
		require.NoError(t, q.Close())
		require.NoError(t, q.Close(), "a second time")
		b := <-batches
		require.Zero(t, time.Since(closed), "it is handed out at once")
		require.Equal(t, []queue.Entry{1, 2}, entries(b))
		_, ok := p.Publish(3)
		require.False(t, ok)

		ended := make(chan error, 1)
		go func() {
			_, err := q.Get(3)
			ended <- err
		}()
		synctest.Wait()
		require.Empty(t, ended, "a batch is not done")
		b.Done()
		require.ErrorIs(t, <-ended, io.EOF)
		<-q.Done()
		require.Equal(t, 2, told)
	})
}

func TestClosedQueueThatIsEmptyIsDone(t *testing.T) {
	q := New(memqueue.Settings{Events: 4}, nil, nil)
	require.NoError(t, q.Close())
	require.NoError(t, q.Close(), "a second time")
	<-q.Done()
	_, err := q.Get(1)
	require.ErrorIs(t, err, io.EOF)
}

func TestClosedQueueIsDoneOnlyAfterTheLastCallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(memqueue.Settings{Events: 4}, nil, nil)
		release := make(chan struct{})
		p := q.Producer(queue.ProducerConfig{ACK: func(int) { <-release }})
		publishAll(t, p, "event")
		get(t, q, 1).Done()
		synctest.Wait()
		require.NoError(t, q.Close())
		select {
		case <-q.Done():
			require.Fail(t, "a callback runs")
		default:
		}
		close(release)
		<-q.Done()
	})
}

// The sequence: the timeout ends Get's wait, and before Get has the mutex, an event
// answers it. If the answer stayed there, the next Get would have it.
func TestEventAtTheMomentOfTheTimeoutAnswersNoOtherGet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(memqueue.Settings{Events: 4, MaxGetRequest: 2, FlushTimeout: time.Hour}, nil, nil)
		publishAll(t, q.Producer(queue.ProducerConfig{}), 1)
		timeout := make(chan time.Time)
		awaited := make(chan bool)
		go func() { awaited <- q.await(2, timeout) }()
		synctest.Wait()
		q.mutex.Lock()
		timeout <- time.Now()
		q.add(slot{entry: 2, producer: &producer{}})
		q.mutex.Unlock()
		require.True(t, <-awaited)
		require.Zero(t, q.wanted)
		require.Empty(t, q.enough)
	})
}

// A callback may publish, as an input does that has waited for it.
func TestCallbackMayUseTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(memqueue.Settings{Events: 1}, nil, nil)
		var p queue.Producer
		p = q.Producer(queue.ProducerConfig{ACK: func(int) {
			if _, ok := p.Publish("next"); !ok {
				t.Error("not published")
			}
		}})
		publishAll(t, p, "first")
		get(t, q, 1).Done()
		require.Equal(t, []queue.Entry{"next"}, entries(get(t, q, 1)))
	})
}

// sizes encodes a text as itself, with its length.
type sizes struct{}

func (sizes) EncodeEntry(entry queue.Entry) (queue.Entry, int) {
	text, _ := entry.(string)
	return "encoded " + text, len(text)
}

// counts is a queue.Observer.
type counts struct {
	maxEvents, added, addedBytes, consumed, consumedBytes, removed, removedBytes int
	most                                                                         int // events at once
}

func (c *counts) MaxEvents(n int)  { c.maxEvents = n }
func (c *counts) MaxBytes(int)     {}
func (c *counts) Restore(int, int) {}
func (c *counts) AddEvent(size int) {
	c.added++
	c.addedBytes += size
	c.most = max(c.most, c.added-c.removed)
}

func (c *counts) ConsumeEvents(n, size int) {
	c.consumed += n
	c.consumedBytes += size
}

func (c *counts) RemoveEvents(n, size int) {
	c.removed += n
	c.removedBytes += size
}

func TestQueueOfMoreEventsThanAnyMemoryHoldsIsAnError(t *testing.T) {
	_, err := Factory(memqueue.Settings{Events: 900_000_000_000_000})(nil, nil, 0, nil)
	require.ErrorContains(t, err, "queue.mem.events: must be at most")
}

func TestEventsAreEncodedAndCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := &counts{}
		factory := Factory(memqueue.Settings{Events: 4, MaxGetRequest: 2})
		made, err := factory(nil, seen, 20, func() queue.Encoder { return sizes{} })
		require.NoError(t, err)
		q, ok := made.(*Queue)
		require.True(t, ok)
		require.Equal(t, queue.BufferConfig{MaxEvents: 4}, q.BufferConfig())
		require.Equal(t, "mem", q.QueueType())
		publishAll(t, q.Producer(queue.ProducerConfig{}), "a", "bc", "def")
		b := get(t, q, 2)
		require.Equal(t, []queue.Entry{"encoded a", "encoded bc"}, entries(b))
		require.Equal(t, counts{maxEvents: 4, most: 3, added: 3, addedBytes: 6, consumed: 2, consumedBytes: 3}, *seen)
		b.FreeEntries()
		require.Equal(t, []queue.Entry{nil, nil}, entries(b))
		b.Done()
		synctest.Wait()
		require.Equal(t, counts{maxEvents: 4, most: 3, added: 3, addedBytes: 6, consumed: 2, consumedBytes: 3, removed: 2, removedBytes: 3}, *seen)
	})
}
