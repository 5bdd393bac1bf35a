// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/beats/v7/libbeat/outputs"
	libpipeline "github.com/elastic/beats/v7/libbeat/publisher/pipeline"
	"github.com/elastic/beats/v7/libbeat/publisher/queue"
	"github.com/elastic/beats/v7/libbeat/publisher/queue/memqueue"
	conf "github.com/elastic/elastic-agent-libs/config"
	"github.com/elastic/elastic-agent-libs/logp"
	"github.com/elastic/elastic-agent-libs/mapstr"

	"filebeat-websocket/outputs/eventqueue"
	"filebeat-websocket/outputs/websocket/internal/handback"
	"filebeat-websocket/testing/wstest"
)

// stops is how many stops TestStopAtTheServersDeathAcknowledgesNothing makes.
var stops = flag.Int("stops", 60, "how often to stop a pipeline at the moment of the server's death")

// beatPipeline is libbeat's own pipeline, with this output and a server that
// confirms nothing.
type beatPipeline struct {
	*fixture
	t        *testing.T
	server   *wstest.Server
	pipeline *libpipeline.Pipeline
	queue    *remembering
	acked    atomic.Int64
}

// ACKEvents, AddEvent and ClientClosed implement beat.EventListener.
func (b *beatPipeline) ACKEvents(events int)      { b.acked.Add(int64(events)) }
func (b *beatPipeline) AddEvent(beat.Event, bool) {}
func (b *beatPipeline) ClientClosed()             {}

// pipelineEvents is one batch.
const pipelineEvents = 50

// pipelineQueue is a queue that keeps events in memory, and whether the output sees it
// close. It does not if libbeat makes the queue.
type pipelineQueue struct {
	make    queue.QueueFactory
	watched bool
}

func pipelineQueues() map[string]pipelineQueue {
	settings := memqueue.Settings{Events: 4 * pipelineEvents, MaxGetRequest: pipelineEvents, FlushTimeout: 10 * time.Millisecond}
	return map[string]pipelineQueue{
		"the output's own queue": {eventqueue.Factory(settings), true},
		"libbeat's queue":        {memqueue.FactoryForSettings(settings), false},
	}
}

// remembering is a queue that knows its batches, to let go of them after the test.
type remembering struct {
	queue.Queue
	mutex   sync.Mutex
	batches []queue.Batch
}

func (r *remembering) Get(count int) (queue.Batch, error) {
	batch, err := r.Queue.Get(count)
	if err == nil {
		r.mutex.Lock()
		r.batches = append(r.batches, batch)
		r.mutex.Unlock()
	}
	return batch, err
}

func (r *remembering) release() {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for _, batch := range r.batches {
		batch.Done()
	}
}

// stop stops the pipeline, and looks that nothing was acknowledged.
func (b *beatPipeline) stop() {
	b.t.Helper()
	require.NoError(b.t, b.pipeline.Close())
	require.Zero(b.t, b.acked.Load())
	b.queue.release()
}

// startPipeline starts a pipeline, publishes a batch and waits until the server has
// read it. closing is called before the output is closed.
func startPipeline(t *testing.T, kind pipelineQueue, closing func()) *beatPipeline {
	t.Helper()
	server := startConfirming(t, wstest.Fault{MuteAcks: true})
	b := &beatPipeline{fixture: newFixture(t, `{ack: message, close_timeout: 100ms}`, server), t: t, server: server}
	group := b.group
	group.BatchSize = pipelineEvents
	group.QueueFactory = func(log *logp.Logger, observer queue.Observer, size int, encoders queue.EncoderFactory) (queue.Queue, error) {
		inner, err := kind.make(log, observer, size, encoders)
		b.queue = &remembering{Queue: inner}
		return b.queue, err
	}
	b.shared.lifecycle.gate = handback.NewGate()
	if kind.watched {
		group.QueueFactory = b.shared.lifecycle.gate.Watch(group.QueueFactory)
	}
	require.NoError(t, b.client.Connect())
	group.Clients = []outputs.Client{plainClient{group.Clients[0], closing}}
	var err error
	b.pipeline, err = libpipeline.New(beat.Info{}, libpipeline.Monitors{}, conf.Namespace{}, group, libpipeline.Settings{})
	require.NoError(t, err)
	producer, err := b.pipeline.ConnectWith(beat.ClientConfig{PublishMode: beat.GuaranteedSend, EventListener: b})
	require.NoError(t, err)
	for seq := 1; seq <= pipelineEvents; seq++ {
		producer.Publish(beat.Event{Timestamp: time.Now(), Fields: mapstr.M{"message": fmt.Sprintf("seq=%d", seq)}})
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	require.NoError(t, server.Wait(ctx, func(c wstest.Counts) bool { return c.Messages >= pipelineEvents }))
	return b
}

// plainClient hides Connect from the pipeline: a worker that connects by itself cancels
// its first batch, and libbeat's consumer reads a batch that comes back while an output
// may signal it again, which the race detector reports.
type plainClient struct {
	outputs.Client
	closing func() // called first; the pipeline's consumer has ended by then
}

func (c plainClient) Close() error {
	c.closing()
	return c.Client.Close()
}

// A session that dies between the end of the pipeline's consumer and the close of the
// output hands back nothing: that would be an acknowledgement.
func TestServerThatDiesWhileTheOutputsAreClosedAcknowledgesNothing(t *testing.T) {
	for name, kind := range pipelineQueues() {
		t.Run(name, func(t *testing.T) {
			var b *beatPipeline
			b = startPipeline(t, kind, func() {
				b.server.Kill()
				require.Eventually(t, func() bool { return b.ints()["in_flight.batches"] == 0 }, 10*time.Second, time.Millisecond)
			})
			b.stop()
		})
	}
}

func TestStopAtTheServersDeathAcknowledgesNothing(t *testing.T) {
	const window = 1500 * time.Microsecond
	for name, kind := range pipelineQueues() {
		t.Run(name, func(t *testing.T) {
			for range *stops {
				b := startPipeline(t, kind, func() {})
				killed := make(chan struct{})
				begun := time.Now()
				stop := window + rand.N(2*window) - window
				go func() {
					defer close(killed)
					for time.Since(begun) < window { // a timer is too coarse for this
						continue
					}
					b.server.Kill()
				}()
				for time.Since(begun) < stop {
					continue
				}
				b.stop()
				<-killed
			}
		})
	}
}
