// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package handback

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/elastic/beats/v7/libbeat/publisher/queue"
	"github.com/elastic/elastic-agent-libs/logp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeQueue can only be closed.
type fakeQueue struct {
	queue.Queue
	closed int
}

func (q *fakeQueue) Close() error {
	q.closed++
	return nil
}

func (q *fakeQueue) factory(*logp.Logger, queue.Observer, int, queue.EncoderFactory) (queue.Queue, error) {
	return q, nil
}

// passage notes what became of a batch.
type passage struct{ back, kept chan struct{} }

func pass(g *Gate) passage {
	p := passage{make(chan struct{}), make(chan struct{})}
	g.Pass(func() { close(p.back) }, func() { close(p.kept) })
	return p
}

func TestWithAWatchedQueueABatchGoesBackAtOnceUntilTheQueueIsClosed(t *testing.T) {
	g, inner := NewGate(), &fakeQueue{}
	watched, err := g.Watch(inner.factory)(nil, nil, 0, nil)
	require.NoError(t, err)
	require.IsType(t, Watched{}, watched)

	select {
	case <-pass(g).back:
	default:
		t.Fatal("the batch is not back when Pass returns")
	}

	require.NoError(t, watched.Close())
	require.Equal(t, 1, inner.closed)
	<-pass(g).kept
	require.NoError(t, watched.Close(), "twice is fine")
}

func TestTheQueueIsClosedOnlyAfterTheBatchThatIsOnItsWay(t *testing.T) {
	g := NewGate()
	watched, err := g.Watch((&fakeQueue{}).factory)(nil, nil, 0, nil)
	require.NoError(t, err)
	onItsWay, taken := make(chan struct{}), make(chan struct{})
	go g.Pass(func() { close(onItsWay); <-taken }, func() {})
	<-onItsWay
	closed := make(chan error, 1)
	go func() { closed <- watched.Close() }()
	require.Eventually(t, func() bool {
		free := g.mutex.TryRLock()
		if free {
			g.mutex.RUnlock()
		}
		return !free // Close waits
	}, 10*time.Second, time.Millisecond)
	require.Empty(t, closed)
	close(taken)
	require.NoError(t, <-closed)
}

func TestWithoutAWatchedQueueABatchGoesBackLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, begun := NewGate(), time.Now()
		<-pass(g).back
		require.Equal(t, delay, time.Since(begun))

		p := pass(g)
		g.Shut()
		<-p.kept
		require.Equal(t, delay, time.Since(begun), "the end of the output does not wait for the delay")
		<-pass(g).kept
	})
}

func TestAQueueThatCanNotBeMadeIsNotWatched(t *testing.T) {
	g, broken := NewGate(), errors.New("broken")
	_, err := g.Watch(func(*logp.Logger, queue.Observer, int, queue.EncoderFactory) (queue.Queue, error) {
		return nil, broken
	})(nil, nil, 0, nil)
	require.ErrorIs(t, err, broken)
	require.False(t, g.watched)
	require.Nil(t, g.Watch(nil), "libbeat makes the queue")
}

func TestShutWaitsForTheBatchesThatAreOnTheirWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, letGo := NewGate(), make(chan struct{})
		g.Pass(func() {}, func() { <-letGo })
		shut := make(chan struct{})
		go func() { g.Shut(); close(shut) }()
		synctest.Wait()
		select {
		case <-shut:
			t.Error("a batch is still being kept")
		default:
		}
		close(letGo)
		<-shut
	})
}
