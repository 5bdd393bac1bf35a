// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package eventqueue

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/elastic/beats/v7/libbeat/publisher/queue"
	"github.com/elastic/beats/v7/libbeat/publisher/queue/memqueue"
	"github.com/elastic/elastic-agent-libs/logp"
)

// forgetter counts what it encoded and what it was told to forget.
type forgetter struct{ encoded, forgotten int }

func (f *forgetter) EncodeEntry(entry queue.Entry) (queue.Entry, int) {
	f.encoded++
	return entry, 1
}

func (f *forgetter) Forget() { f.forgotten++ }

func TestAnEncoderIsToldOfEventsThatAreNotInTheQueue(t *testing.T) {
	encoder := &forgetter{}
	factory := Factory(memqueue.Settings{Events: 2, MaxGetRequest: 1, FlushTimeout: time.Millisecond})
	q, err := factory(logp.NewLogger("test"), queue.NewQueueObserver(nil), 0, func() queue.Encoder { return encoder })
	require.NoError(t, err)
	p := q.Producer(queue.ProducerConfig{})
	for range 2 {
		_, ok := p.Publish(1)
		require.True(t, ok)
	}
	require.Zero(t, encoder.forgotten)
	_, ok := p.TryPublish(1)
	require.False(t, ok, "it is full")
	require.Equal(t, 1, encoder.forgotten)

	over := make(chan bool)
	go func() {
		_, ok := p.Publish(1)
		over <- ok
	}()
	require.Eventually(t, func() bool {
		ring, ok := q.(*Queue)
		require.True(t, ok)
		ring.mutex.Lock()
		defer ring.mutex.Unlock()
		return ring.line.first != nil
	}, 10*time.Second, time.Millisecond)
	p.Close()
	require.False(t, <-over)
	require.Equal(t, 2, encoder.forgotten)
	_, ok = p.Publish(1)
	require.False(t, ok)
	require.Equal(t, 3, encoder.forgotten)
	require.Equal(t, 5, encoder.encoded)

	require.NoError(t, q.Close())
	for range 2 {
		batch, err := q.Get(1)
		require.NoError(t, err)
		batch.Done()
	}
	<-q.Done()
}
