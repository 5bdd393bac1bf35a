// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package retry

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/elastic/beats/v7/libbeat/publisher"
)

// fakeClient is a client without a network.
type fakeClient struct {
	name     string
	fail     bool
	with     error // how it fails, nil for errTest
	proof    bool
	connects []time.Time
}

func (c *fakeClient) Connect() error {
	c.connects = append(c.connects, time.Now())
	switch {
	case c.fail && c.with != nil:
		return c.with
	case c.fail:
		return errTest
	}
	return nil
}

func (c *fakeClient) Publish(context.Context, publisher.Batch) error { return errTest }
func (c *fakeClient) Close() error                                   { return nil }
func (c *fakeClient) String() string                                 { return c.name }

func (c *fakeClient) TakeProof() bool {
	proof := c.proof
	c.proof = false
	return proof
}

func TestBackoffGrowsUntilABatchIsConfirmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &fakeClient{}
		b := NewWaiting(t.Context(), inner, Backoff{Init: time.Second, Max: 8 * time.Second})

		// A server that accepts every connection and then dies.
		waited := func() time.Duration {
			before := time.Now()
			require.NoError(t, b.Connect())
			require.Error(t, b.Publish(context.Background(), nil))
			return time.Since(before)
		}
		require.Zero(t, waited(), "the first attempt is made at once")
		for _, longest := range []time.Duration{1, 2, 4, 8, 8, 8} {
			longest *= time.Second
			wait := waited()
			require.LessOrEqual(t, wait, longest)
			require.GreaterOrEqual(t, wait, longest/10)
		}
		inner.proof = true
		waited()
		require.LessOrEqual(t, waited(), time.Second)
	})
}

func TestBackoffWaitEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		inner := &fakeClient{fail: true}
		w := NewWaiting(ctx, inner, Backoff{Init: time.Hour, Max: time.Hour})
		require.ErrorIs(t, w.Connect(), errTest)
		ended := make(chan error)
		go func() { ended <- w.Connect() }()
		synctest.Wait()
		closed := errors.New("closed")
		cancel(closed)
		require.ErrorIs(t, <-ended, closed)
		require.ErrorIs(t, w.Connect(), closed)
		require.Len(t, inner.connects, 1)
	})
}
