// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package handback decides whether an unconfirmed batch may still go back to libbeat's
// pipeline. A stopping pipeline ends its event consumer first and closes the outputs
// after that. In between, a batch that is handed back is dropped, and a drop counts as
// an acknowledgement: the registry would move past lines that never arrived.
package handback

import (
	"sync"
	"time"

	"github.com/elastic/beats/v7/libbeat/publisher/queue"
	"github.com/elastic/elastic-agent-libs/logp"
)

// delay is how late a batch is handed back if the pipeline's queue is not watched. The
// pipeline needs less time from the end of its consumer to the close of the outputs.
const delay = 100 * time.Millisecond

// Gate is open as long as the pipeline takes batches back. All methods may be called
// by any goroutine.
type Gate struct {
	mutex   sync.RWMutex // held for reading while a batch is handed back
	shut    bool
	watched bool // a queue shuts the gate before the consumer ends
	ending  chan struct{}
	late    sync.WaitGroup
}

// NewGate returns an open gate.
func NewGate() *Gate { return &Gate{ending: make(chan struct{})} }

// Pass calls back while the gate is open, else keep, which must leave the batch
// without a signal. With a watched queue it does so at once. Otherwise it looks again
// after the delay, in a goroutine that Shut waits for.
func (g *Gate) Pass(back, keep func()) {
	g.mutex.RLock()
	defer g.mutex.RUnlock()
	switch {
	case g.shut:
		keep()
	case g.watched:
		back()
	default:
		g.late.Go(func() { g.passLate(back, keep) })
	}
}

func (g *Gate) passLate(back, keep func()) {
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-g.ending:
	}
	g.mutex.RLock()
	defer g.mutex.RUnlock()
	if g.shut {
		keep()
		return
	}
	back()
}

// Shut shuts the gate for good. When it returns, no batch is on its way back.
func (g *Gate) Shut() {
	g.mutex.Lock()
	if !g.shut {
		g.shut = true
		close(g.ending)
	}
	g.mutex.Unlock()
	g.late.Wait()
}

// Watch returns a factory whose queue shuts the gate when it is closed: a stopping
// pipeline closes its queue before it ends its consumer. A nil factory stays nil.
func (g *Gate) Watch(factory queue.QueueFactory) queue.QueueFactory {
	if factory == nil {
		return nil
	}
	return func(log *logp.Logger, observer queue.Observer, size int, encoders queue.EncoderFactory) (queue.Queue, error) {
		inner, err := factory(log, observer, size, encoders)
		if err != nil {
			return nil, err
		}
		g.mutex.Lock()
		g.watched = true
		g.mutex.Unlock()
		return Watched{inner, g}, nil
	}
}

// Watched is a queue that shuts a gate when it is closed.
type Watched struct {
	queue.Queue
	gate *Gate
}

// Close implements queue.Queue.
func (w Watched) Close() error {
	w.gate.Shut()
	return w.Queue.Close()
}
