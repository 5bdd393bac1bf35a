// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package eventqueue

import (
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/elastic/beats/v7/libbeat/publisher/queue"
	"github.com/elastic/beats/v7/libbeat/publisher/queue/memqueue"
	"github.com/stretchr/testify/require"
)

// queueUp publishes each event from a producer of its own. They wait in this order.
func queueUp(q *Queue, events ...queue.Entry) (producers []queue.Producer, published []<-chan bool) {
	for _, e := range events {
		p := q.Producer(queue.ProducerConfig{})
		producers = append(producers, p)
		published = append(published, publishing(p, e))
		synctest.Wait()
	}
	return producers, published
}

// returned is what each Publish has returned since it was last asked, or nil.
func returned(published []<-chan bool) (results []any) {
	synctest.Wait()
	for _, p := range published {
		select {
		case ok := <-p:
			results = append(results, ok)
		default:
			results = append(results, nil)
		}
	}
	return results
}

func TestWaitingProducersGetRoomInTheOrderInWhichTheyCame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(memqueue.Settings{Events: 2, MaxGetRequest: 2}, nil, nil)
		publishAll(t, q.Producer(queue.ProducerConfig{}), "a", "b")
		_, published := queueUp(q, 1, 2, 3, 4, 5)
		late := q.Producer(queue.ProducerConfig{})
		for _, want := range []struct {
			batch    []queue.Entry
			returned []any
		}{
			{[]queue.Entry{"a", "b"}, []any{true, true, nil, nil, nil}},
			{[]queue.Entry{1, 2}, []any{nil, nil, true, true, nil}},
			{[]queue.Entry{3, 4}, []any{nil, nil, nil, nil, true}},
		} {
			_, ok := late.TryPublish("late")
			require.False(t, ok, "others wait")
			b := get(t, q, 2)
			require.Equal(t, want.batch, entries(b))
			b.Done()
			require.Equal(t, want.returned, returned(published))
		}
		publishAll(t, late, "late")
		require.Equal(t, []queue.Entry{5, "late"}, entries(get(t, q, 2)))
	})
}

// It counts how many events of others get in between a quiet producer's call and its
// event: one of each producer that waits already. Busy producers that come later, or
// that come back, are behind it.
func TestQuietProducerWaitsForOneEventOfEachOther(t *testing.T) {
	const groups, busy = 5, 100
	synctest.Test(t, func(t *testing.T) {
		q := New(memqueue.Settings{Events: 256, MaxGetRequest: 128}, nil, nil)
		ids := make([]queue.EntryID, groups) // of the quiet ones' events
		for i := range groups {
			for range busy {
				p := q.Producer(queue.ProducerConfig{})
				go func() {
					for ok := true; ok; {
						_, ok = p.Publish("busy")
					}
				}()
			}
			synctest.Wait()
			p := q.Producer(queue.ProducerConfig{})
			go func() { ids[i], _ = p.Publish("quiet") }()
			synctest.Wait()
		}
		before := q.lastID
		for range (groups*(busy+1) + 127) / 128 {
			get(t, q, 0).Done()
			synctest.Wait()
		}
		for i, id := range ids {
			require.NotZero(t, id, "quiet producer %d still waits", i)
			require.LessOrEqual(t, id-before, queue.EntryID((i+1)*(busy+1)))
		}
		require.NoError(t, q.Close())
	})
}

func TestClosedProducerLeavesItsPlaceToTheNext(t *testing.T) {
	for name, c := range map[string]struct {
		closed []int
		want   []queue.Entry
	}{
		"the first":         {[]int{0}, []queue.Entry{1, 2, 3, "late"}},
		"one in the middle": {[]int{1}, []queue.Entry{0, 2, 3, "late"}},
		"the last":          {[]int{3}, []queue.Entry{0, 1, 2, "late"}},
		"the first two":     {[]int{1, 0}, []queue.Entry{2, 3, "late"}},
		"the last two":      {[]int{2, 3}, []queue.Entry{0, 1, "late"}},
		"all but one":       {[]int{0, 3, 1}, []queue.Entry{2, "late"}},
		"one, twice":        {[]int{2, 2}, []queue.Entry{0, 1, 3, "late"}},
		"all":               {[]int{2, 1, 0, 3}, []queue.Entry{"late"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := New(memqueue.Settings{Events: 3, MaxGetRequest: 3}, nil, nil)
				publishAll(t, q.Producer(queue.ProducerConfig{}), "a", "b", "c")
				producers, published := queueUp(q, 0, 1, 2, 3)
				want := []any{nil, nil, nil, nil}
				for _, i := range c.closed {
					producers[i].Close()
					want[i] = false
				}
				require.Equal(t, want, returned(published))
				queueUp(q, "late")
				var got []queue.Entry
				for q.count > 0 {
					b := get(t, q, 3)
					got = append(got, entries(b)...)
					b.Done()
					synctest.Wait()
				}
				require.Equal(t, append([]queue.Entry{"a", "b", "c"}, c.want...), got)
			})
		})
	}
}

// letOneIn publishes an event that waits, makes room for it, and leaves it to the
// caller to wake its producer.
func letOneIn(t *testing.T) (q *Queue, p queue.Producer, published []<-chan bool, wake func()) {
	t.Helper()
	q = New(memqueue.Settings{Events: 1}, nil, nil)
	publishAll(t, q.Producer(queue.ProducerConfig{}), "first")
	producers, published := queueUp(q, "next")
	q.acking = true // no other goroutine makes the room
	get(t, q, 1).Done()
	_, let, goOn := q.remove()
	require.True(t, goOn)
	return q, producers[0], published, func() {
		let.wake()
		q.acknowledge()
	}
}

func TestRoomIsTakenBeforeTheProducersWake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, _, published, wake := letOneIn(t)
		_, ok := q.Producer(queue.ProducerConfig{}).TryPublish("a newcomer")
		require.False(t, ok)
		require.Equal(t, []queue.Entry{"next"}, entries(get(t, q, 1)))
		require.Equal(t, []any{nil}, returned(published))
		wake()
		require.Equal(t, []any{true}, returned(published))
	})
}

// Once the event is in the queue, Publish returns true, even if the producer or the
// queue is closed before the producer wakes.
func TestAdmittedEventIsPublishedWhateverClosesNext(t *testing.T) {
	for name, end := range map[string]func(*Queue, queue.Producer) error{
		"of the producer": func(_ *Queue, p queue.Producer) error {
			p.Close()
			return nil
		},
		"of the queue": func(q *Queue, _ queue.Producer) error { return q.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q, p, published, wake := letOneIn(t)
				require.NoError(t, end(q, p))
				wake()
				require.Equal(t, []any{true}, returned(published))
				require.Equal(t, []queue.Entry{"next"}, entries(get(t, q, 1)))
				_, ok := p.Publish("another")
				require.False(t, ok)
			})
		})
	}
}

// A waiting event is encoded before, and counted once it is in the queue. From then on
// the producer does not hold on to it.
func TestWaitingEventIsEncodedAndNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := &counts{}
		q := New(memqueue.Settings{Events: 1}, seen, func() queue.Encoder { return sizes{} })
		publishAll(t, q.Producer(queue.ProducerConfig{}), "first")
		producers, _ := queueUp(q, "the next", "refused")
		require.Equal(t, 5, seen.addedBytes)
		get(t, q, 1).Done()
		synctest.Wait()
		require.Equal(t, 5+8, seen.addedBytes)
		require.Equal(t, []queue.Entry{"encoded the next"}, entries(get(t, q, 1)))
		require.NoError(t, q.Close())
		for _, p := range producers {
			own, ok := p.(*producer)
			require.True(t, ok)
			require.Zero(t, own.place.event)
		}
	})
}

// With one processor and room for all events, only the end of a turn lets the other
// producer run.
func TestProducersTakeTurns(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	q := New(memqueue.Settings{Events: 20 * turn}, nil, nil)
	var running sync.WaitGroup
	for i := range 2 {
		running.Go(func() {
			p := q.Producer(queue.ProducerConfig{})
			for number := range 10 * turn {
				p.Publish(testEvent{i, number})
			}
		})
	}
	running.Wait()
	longest, length := 0, 0
	for i := range q.ring {
		e, _ := q.ring[i].entry.(testEvent)
		if e.number == 0 || q.ring[i].producer != q.ring[i-1].producer {
			length = 0
		}
		length++
		longest = max(longest, length)
	}
	require.LessOrEqual(t, longest, 2*turn)
}

func TestCloseOfTheQueueEndsEveryPublishThatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(memqueue.Settings{Events: 1}, nil, nil)
		publishAll(t, q.Producer(queue.ProducerConfig{}), "first")
		_, published := queueUp(q, 1, 2, 3)
		require.NoError(t, q.Close())
		require.Equal(t, []any{false, false, false}, returned(published))
		b := get(t, q, 1)
		require.Equal(t, []queue.Entry{"first"}, entries(b))
		b.Done()
		<-q.Done()
		require.EqualValues(t, 1, q.lastID, "none of them got in")
	})
}

func TestAdmittedEventsFillTheBatchThatGetWaitsFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(memqueue.Settings{Events: 4, MaxGetRequest: 4, FlushTimeout: time.Hour}, nil, nil)
		publishAll(t, q.Producer(queue.ProducerConfig{}), "a", "b", "c", "d")
		b := get(t, q, 2)
		queueUp(q, 1, 2)
		begun := time.Now()
		batches := make(chan queue.Batch, 1)
		go func() {
			all, _ := q.Get(4)
			batches <- all
		}()
		synctest.Wait()
		require.Empty(t, batches)
		b.Done()
		require.Equal(t, []queue.Entry{"c", "d", 1, 2}, entries(<-batches))
		require.Zero(t, time.Since(begun))
	})
}

func TestSlowCallbackHoldsBackNoWaitingProducer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(memqueue.Settings{Events: 1}, nil, nil)
		release := make(chan struct{})
		publishAll(t, q.Producer(queue.ProducerConfig{ACK: func(int) { <-release }}), "first")
		_, published := queueUp(q, "next")
		get(t, q, 1).Done()
		require.Equal(t, []any{true}, returned(published))
		close(release)
	})
}
