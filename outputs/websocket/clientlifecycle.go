// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"context"
	"sync"
	"time"

	"filebeat-websocket/outputs/websocket/internal/session"
)

// lifecycle ends all clients of an output together: libbeat closes them one after
// the other, but they share one close_timeout.
//
// After its Close, a batch without a confirmation gets no signal. When a Beat
// stops, libbeat's pipeline ends its event consumer first and closes the outputs
// after that. From then on Retry and Cancelled lead to Drop
// (publisher/pipeline/consumer.go, retry), Drop calls the queue's done callback,
// and the queue reports the events to their input as acknowledged: the registry
// would move past lines that never arrived. A batch without a signal stays in the
// queue, and its events are sent again after the restart.
type lifecycle struct {
	closeTimeout time.Duration

	ctx    context.Context // done when the closing begins
	cancel context.CancelCauseFunc

	once    sync.Once
	mutex   sync.Mutex
	closers []func(context.Context)

	stop       context.CancelFunc // ends what run started
	stopped    context.Context
	background sync.WaitGroup
}

func newLifecycle(closeTimeout time.Duration) *lifecycle {
	l := &lifecycle{closeTimeout: closeTimeout}
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

// closing reports whether Close was called. From then on a batch that is not
// confirmed is kept instead of being handed back to the pipeline.
func (l *lifecycle) closing() bool { return l.ctx.Err() != nil }

// Close ends all clients. Every call waits until they have ended.
func (l *lifecycle) Close() {
	l.once.Do(func() {
		l.cancel(session.ErrClosed)
		ctx, cancel := context.WithTimeout(context.Background(), l.closeTimeout)
		defer cancel()
		l.mutex.Lock()
		closers := l.closers
		l.mutex.Unlock()
		var all sync.WaitGroup
		for _, closer := range closers {
			all.Go(func() { closer(ctx) })
		}
		all.Wait()
		l.stop()
		l.background.Wait()
	})
}
