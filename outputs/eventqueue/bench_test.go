// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package eventqueue

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/elastic/beats/v7/libbeat/publisher/queue"
	"github.com/elastic/beats/v7/libbeat/publisher/queue/memqueue"
	"github.com/elastic/elastic-agent-libs/logp"
	"github.com/stretchr/testify/require"
)

// eachQueue runs the benchmark with this queue and with libbeat's memory queue, one
// after the other and with the same settings.
func eachQueue(b *testing.B, settings memqueue.Settings, run func(*testing.B, queue.QueueFactory)) {
	b.Helper()
	b.Run("queue=this", func(b *testing.B) { run(b, Factory(settings)) })
	b.Run("queue=libbeat's", func(b *testing.B) { run(b, memqueue.FactoryForSettings(settings)) })
}

// last is the entry that ends a benchmark.
const last = "the last event"

// openQueue returns a queue with a consumer, which calls pause with each batch before it
// is done with it, and the function that closes it.
func openQueue(b *testing.B, factory queue.QueueFactory, pause func()) (queue.Queue, func()) {
	b.Helper()
	q, err := factory(logp.NewLogger(""), queue.NewQueueObserver(nil), 0, nil)
	require.NoError(b, err)
	closed := make(chan struct{})
	go func() {
		for {
			got, err := q.Get(0)
			if err != nil {
				return
			}
			if got.Entry(got.Count()-1) == last {
				<-closed // libbeat's queue is done only if it had an event at its Close
			}
			pause()
			got.FreeEntries()
			got.Done()
		}
	}()
	return q, func() {
		q.Producer(queue.ProducerConfig{}).Publish(last)
		require.NoError(b, q.Close())
		close(closed)
		<-q.Done()
	}
}

func atOnce() {}

// BenchmarkPublish takes an event through the queue, in batches that are done at
// once.
func BenchmarkPublish(b *testing.B) {
	settings := memqueue.Settings{Events: 12800, MaxGetRequest: 1600, FlushTimeout: 100 * time.Millisecond}
	eachQueue(b, settings, func(b *testing.B, factory queue.QueueFactory) {
		b.ReportAllocs()
		q, end := openQueue(b, factory, atOnce)
		p := q.Producer(queue.ProducerConfig{ACK: func(int) {}})
		entry := queue.Entry("an event")
		for b.Loop() {
			if _, ok := p.Publish(entry); !ok {
				b.Fatal("not published")
			}
		}
		end()
	})
}

// BenchmarkManyProducers is BenchmarkPublish with so many producers, each of which
// publishes its share of the events as fast as it can, and measures each wait.
func BenchmarkManyProducers(b *testing.B) {
	for _, events := range []int{256, 3200} {
		for _, producers := range []int{1, 100, 2000, 10000} {
			b.Run(fmt.Sprintf("events=%d/producers=%d", events, producers), func(b *testing.B) {
				settings := memqueue.Settings{Events: events, MaxGetRequest: events / 2, FlushTimeout: 100 * time.Millisecond}
				eachQueue(b, settings, func(b *testing.B, factory queue.QueueFactory) {
					b.ReportAllocs()
					q, end := openQueue(b, factory, atOnce)
					waits := make([]time.Duration, b.N)
					all := make([]queue.Producer, producers)
					for i := range all {
						all[i] = q.Producer(queue.ProducerConfig{ACK: func(int) {}})
					}
					before := cpuTime(b)
					b.ResetTimer()
					var running sync.WaitGroup
					for i, p := range all {
						share := waits[b.N*i/producers : b.N*(i+1)/producers]
						running.Go(func() {
							at := time.Now()
							for j := range share {
								p.Publish("an event")
								now := time.Now()
								share[j], at = now.Sub(at), now
							}
						})
					}
					running.Wait()
					b.StopTimer()
					b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op")
					reportWaits(b, waits)
					end()
				})
			})
		}
	}
}

// BenchmarkQuietBesideBusy publishes now and then from a quiet producer, while so
// many others publish as fast as they can, and batches take a millisecond. An
// operation is an event of the quiet one.
func BenchmarkQuietBesideBusy(b *testing.B) {
	for _, busy := range []int{1, 100, 500, 2000, 10000} {
		b.Run(fmt.Sprintf("busy=%d", busy), func(b *testing.B) {
			settings := memqueue.Settings{Events: 256, MaxGetRequest: 128, FlushTimeout: 100 * time.Millisecond}
			eachQueue(b, settings, func(b *testing.B, factory queue.QueueFactory) {
				q, end := openQueue(b, factory, func() { time.Sleep(time.Millisecond) })
				var stop atomic.Bool
				var published atomic.Int64
				var running sync.WaitGroup
				for range busy {
					p := q.Producer(queue.ProducerConfig{ACK: func(int) {}})
					running.Go(func() {
						for !stop.Load() {
							p.Publish("an event")
							published.Add(1)
						}
					})
				}
				quiet := q.Producer(queue.ProducerConfig{ACK: func(int) {}})
				for published.Load() < 1000 {
					time.Sleep(time.Millisecond)
				}
				publishedBefore, before := published.Load(), cpuTime(b)
				waits := make([]time.Duration, 0, b.N)
				for b.Loop() {
					time.Sleep(3 * time.Millisecond)
					at := time.Now()
					quiet.Publish("an event")
					waits = append(waits, time.Since(at))
				}
				others := float64(published.Load() - publishedBefore)
				b.ReportMetric(float64(cpuTime(b)-before)/others, "cpu-ns/event")
				b.ReportMetric(others/b.Elapsed().Seconds(), "events/s")
				reportWaits(b, waits)
				stop.Store(true)
				running.Wait()
				end()
			})
		})
	}
}

func reportWaits(b *testing.B, waits []time.Duration) {
	b.Helper()
	slices.Sort(waits)
	b.ReportMetric(waits[(len(waits)-1)*99/100].Seconds()*1000, "p99-ms")
	b.ReportMetric(waits[len(waits)-1].Seconds()*1000, "longest-ms")
}

// cpuTime is what this process has used. It says the same on a machine that has
// other things to do.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
