// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/elastic/beats/v7/libbeat/publisher"
)

// pipeline does with the batches of a client what libbeat's does: it publishes
// them one after the other, connects when there is no connection, and sends
// again what comes back. Every batch must be signalled once.
type pipeline struct {
	t      *testing.T
	client interface {
		Connect() error
		Publish(context.Context, publisher.Batch) error
	}

	mutex   sync.Mutex
	queue   [][]publisher.Event
	open    int // batches that were not signalled yet
	signals map[string]int
	changed chan struct{}
}

func newPipeline(t *testing.T, f *fixture) *pipeline {
	return &pipeline{t: t, client: f.client, signals: map[string]int{}, changed: make(chan struct{}, 1)}
}

// run publishes events until all are done, at most for a minute.
func (p *pipeline) run(batches ...[]publisher.Event) {
	p.t.Helper()
	p.queue = append(p.queue, batches...)
	connected := false
	for deadline := time.Now().Add(time.Minute); ; {
		events, done := p.next()
		if done {
			return
		}
		require.True(p.t, time.Now().Before(deadline), "the pipeline does not come to an end")
		if events == nil {
			select {
			case <-p.changed:
			case <-time.After(time.Until(deadline)):
			}
			continue
		}
		if !connected {
			p.put(events)
			connected = p.client.Connect() == nil
			continue
		}
		p.mutex.Lock()
		p.open++
		p.mutex.Unlock()
		connected = p.client.Publish(context.Background(), &pipelineBatch{pipeline: p, events: events}) == nil
	}
}

func (p *pipeline) next() (events []publisher.Event, done bool) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if len(p.queue) == 0 {
		return nil, p.open == 0
	}
	events = p.queue[0]
	p.queue = p.queue[1:]
	return events, false
}

func (p *pipeline) put(batches ...[]publisher.Event) {
	p.mutex.Lock()
	p.queue = append(p.queue, batches...)
	p.mutex.Unlock()
}

// pipelineBatch is a publisher.Batch.
type pipelineBatch struct {
	pipeline *pipeline
	events   []publisher.Event
	signaled bool
}

func (b *pipelineBatch) signal(name string, again ...[]publisher.Event) {
	p := b.pipeline
	p.put(again...)
	p.mutex.Lock()
	if b.signaled {
		p.t.Errorf("a batch was signalled twice, the second time with %s", name)
	}
	b.signaled = true
	p.open--
	p.signals[name]++
	p.mutex.Unlock()
	select {
	case p.changed <- struct{}{}:
	default:
	}
}

func (b *pipelineBatch) Events() []publisher.Event            { return b.events }
func (b *pipelineBatch) ACK()                                 { b.signal("ACK") }
func (b *pipelineBatch) Drop()                                { b.signal("Drop") }
func (b *pipelineBatch) Retry()                               { b.signal("Retry", b.events) }
func (b *pipelineBatch) RetryEvents(events []publisher.Event) { b.signal("RetryEvents", events) }
func (b *pipelineBatch) Cancelled()                           { b.signal("Cancelled", b.events) }

func (b *pipelineBatch) SplitRetry() bool {
	if len(b.events) < 2 {
		return false
	}
	half := len(b.events) / 2
	b.signal("SplitRetry", b.events[:half], b.events[half:])
	return true
}

var _ publisher.Batch = (*pipelineBatch)(nil)
