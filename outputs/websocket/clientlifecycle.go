// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"context"
	"sync"
	"time"

	"filebeat-websocket/outputs/websocket/internal/handback"
	"filebeat-websocket/outputs/websocket/internal/session"
)

// lifecycle ends all clients of an output together: libbeat closes them one after
// the other, but they share one close_timeout.
//
// From the end of the pipeline on, a batch without a confirmation gets no signal. It
// stays in the queue, and its events are sent again after the restart.
type lifecycle struct {
	closeTimeout time.Duration
	gate         *handback.Gate // batches that are not confirmed go back through it

	ctx    context.Context // done when the closing begins
	cancel context.CancelCauseFunc

	once    sync.Once
	mutex   sync.Mutex
	closers []func(context.Context)
	enders  []func()

	stop       context.CancelFunc // ends what run started
	stopped    context.Context
	background sync.WaitGroup
}

func newLifecycle(closeTimeout time.Duration) *lifecycle {
	l := &lifecycle{closeTimeout: closeTimeout, gate: handback.NewGate()}
	l.ctx, l.cancel = context.WithCancelCause(context.Background())
	l.stopped, l.stop = context.WithCancel(context.Background())
	return l
}

// run starts a goroutine of the output. Its context is canceled after the last
// client has ended.
func (l *lifecycle) run(loop func(context.Context)) {
	l.background.Go(func() { loop(l.stopped) })
}

// onClose registers closer. Close calls each in its own goroutine, with a context
// that ends after closeTimeout.
func (l *lifecycle) onClose(closer func(context.Context)) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.closers = append(l.closers, closer)
}

// onEnd registers ender, which Close calls when nothing of the output runs any more.
func (l *lifecycle) onEnd(ender func()) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.enders = append(l.enders, ender)
}

// closing reports whether Close was called.
func (l *lifecycle) closing() bool { return l.ctx.Err() != nil }

// Close ends all clients and what run started. Every call waits for that, twice
// closeTimeout and a second at most.
func (l *lifecycle) Close() {
	l.once.Do(func() {
		l.cancel(session.ErrClosed)
		l.gate.Shut()
		ctx, cancel := context.WithTimeout(context.Background(), l.closeTimeout)
		defer cancel()
		l.mutex.Lock()
		closers, enders := l.closers, l.enders
		l.mutex.Unlock()
		var all sync.WaitGroup
		for _, closer := range closers {
			all.Go(func() { closer(ctx) })
		}
		all.Wait()
		l.stop()
		l.awaitBackground()
		for _, ender := range enders {
			ender()
		}
	})
}

// awaitBackground waits for what run started, closeTimeout at most: a disk may hang.
func (l *lifecycle) awaitBackground() {
	ended := make(chan struct{})
	go func() {
		l.background.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(l.closeTimeout):
	}
}
