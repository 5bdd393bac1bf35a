// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package eventqueue

import (
	"testing"
	"time"

	"github.com/elastic/beats/v7/libbeat/publisher/queue"
	"github.com/elastic/beats/v7/libbeat/publisher/queue/memqueue"
	"github.com/elastic/elastic-agent-libs/logp"
)

// last is the entry that ends a benchmark.
const last = "the last event"

// BenchmarkPublish takes an event through the queue, in batches that are done at
// once: here, and in libbeat's memory queue with the same settings.
func BenchmarkPublish(b *testing.B) {
	settings := memqueue.Settings{Events: 12800, MaxGetRequest: 1600, FlushTimeout: 100 * time.Millisecond}
	for name, factory := range map[string]queue.QueueFactory{
		"this":      Factory(settings),
		"libbeat's": memqueue.FactoryForSettings(settings),
	} {
		b.Run("queue="+name, func(b *testing.B) {
			b.ReportAllocs()
			q, err := factory(logp.NewLogger(""), queue.NewQueueObserver(nil), 0, nil)
			if err != nil {
				b.Fatal(err)
			}
			closed := make(chan struct{})
			go func() {
				for {
					batch, err := q.Get(1600)
					if err != nil {
						return
					}
					if batch.Entry(batch.Count()-1) == last {
						<-closed // libbeat's queue is done only if it had an event at its Close
					}
					batch.FreeEntries()
					batch.Done()
				}
			}()
			p := q.Producer(queue.ProducerConfig{ACK: func(int) {}})
			entry := queue.Entry("an event")
			for b.Loop() {
				if _, ok := p.Publish(entry); !ok {
					b.Fatal("not published")
				}
			}
			p.Publish(last)
			if err := q.Close(); err != nil {
				b.Fatal(err)
			}
			close(closed)
			<-q.Done()
		})
	}
}
