// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/beats/v7/libbeat/outputs"
	"github.com/elastic/beats/v7/libbeat/publisher"
	"github.com/elastic/elastic-agent-libs/config"
	"github.com/elastic/elastic-agent-libs/mapstr"

	_ "filebeat-websocket/outputs/websocket"
)

const (
	tick       = time.Second // between the batches of an agent
	batchLines = 2
	maxLines   = 1_000_000 // of an agent
)

// agent is the real output, fed as libbeat's pipeline does it.
type agent struct {
	client outputs.NetworkClient
	number int

	mutex   sync.Mutex
	again   [][]publisher.Event // came back
	open    int                 // batches that were not signalled
	dropped int
	written int // lines so far
}

func newAgent(t *testing.T, number int, settings map[string]any) *agent {
	t.Helper()
	section, err := config.NewConfigFrom(settings)
	require.NoError(t, err)
	group, err := outputs.FindFactory("websocket")(nil, beat.Info{Beat: "filebeat", UserAgent: "fleet"}, outputs.NewNilObserver(), section)
	require.NoError(t, err)
	client, ok := group.Clients[0].(outputs.NetworkClient)
	require.True(t, ok)
	return &agent{client: client, number: number}
}

// run sends lines until writing ends, and then what is left, until ctx ends.
func (a *agent) run(ctx context.Context, writing *atomic.Bool) {
	defer a.client.Close() //nolint:errcheck // nothing is left
	connected := false
	for ctx.Err() == nil {
		events, done := a.next(writing.Load())
		if done {
			return
		}
		if !connected {
			connected = a.client.Connect() == nil
		}
		if events == nil || !connected {
			a.giveBack(events)
		} else {
			a.mutex.Lock()
			a.open++
			a.mutex.Unlock()
			connected = a.client.Publish(ctx, &batch{agent: a, events: events}) == nil
		}
		select {
		case <-time.After(tick):
		case <-ctx.Done():
		}
	}
}

// next returns a batch, if there is one to send, and whether all is confirmed.
func (a *agent) next(writing bool) (events []publisher.Event, done bool) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	switch {
	case len(a.again) > 0:
		events = a.again[0]
		a.again = a.again[1:]
	case writing:
		for range batchLines {
			a.written++
			line := fmt.Sprintf("seq=%d ", a.number*maxLines+a.written)
			events = append(events, publisher.Event{Content: beat.Event{Timestamp: time.Now(), Fields: mapstr.M{"message": line}}})
		}
	default:
		return nil, a.open == 0
	}
	return events, false
}

func (a *agent) giveBack(batches ...[]publisher.Event) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	for _, events := range batches {
		if len(events) > 0 {
			a.again = append(a.again, events)
		}
	}
}

// batch is a publisher.Batch.
type batch struct {
	agent  *agent
	events []publisher.Event
}

func (b *batch) settle(again ...[]publisher.Event) {
	b.agent.giveBack(again...)
	b.agent.mutex.Lock()
	defer b.agent.mutex.Unlock()
	b.agent.open--
}

func (b *batch) Events() []publisher.Event            { return b.events }
func (b *batch) ACK()                                 { b.settle() }
func (b *batch) Retry()                               { b.settle(b.events) }
func (b *batch) RetryEvents(events []publisher.Event) { b.settle(events) }
func (b *batch) Cancelled()                           { b.settle(b.events) }

func (b *batch) Drop() {
	b.agent.mutex.Lock()
	b.agent.dropped += len(b.events)
	b.agent.mutex.Unlock()
	b.settle()
}

func (b *batch) SplitRetry() bool {
	if len(b.events) < 2 {
		return false
	}
	b.settle(b.events[:1], b.events[1:])
	return true
}

var _ publisher.Batch = (*batch)(nil)
