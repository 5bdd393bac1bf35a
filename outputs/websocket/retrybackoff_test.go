// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/elastic/beats/v7/libbeat/outputs"
	"github.com/elastic/beats/v7/libbeat/publisher"
)

var errTest = errors.New("test")

// fakeClient is a client without a network.
type fakeClient struct {
	name     string
	fail     bool
	proof    bool
	connects []time.Time
}

func (c *fakeClient) Connect() error {
	c.connects = append(c.connects, time.Now())
	if c.fail {
		return errTest
	}
	return nil
}

func (c *fakeClient) Publish(context.Context, publisher.Batch) error { return errTest }
func (c *fakeClient) Close() error                                   { return nil }
func (c *fakeClient) String() string                                 { return c.name }

func (c *fakeClient) takeProof() bool {
	proof := c.proof
	c.proof = false
	return proof
}

func TestBackoffGrowsUntilABatchIsConfirmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &fakeClient{}
		b := withBackoff(inner, backoffConfig{Init: time.Second, Max: 8 * time.Second}, newLifecycle(time.Second))

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

func TestBackoffWaitEndsWithClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLifecycle(time.Second)
		inner := &fakeClient{fail: true}
		b := withBackoff(inner, backoffConfig{Init: time.Hour, Max: time.Hour}, l)
		require.ErrorIs(t, b.Connect(), errTest)
		ended := make(chan error)
		go func() { ended <- b.Connect() }()
		synctest.Wait()
		l.Close()
		require.Error(t, <-ended)
		require.Len(t, inner.connects, 1)
	})
}

func TestFailoverGoesToAHostThatMayTryAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLifecycle(time.Second)
		fakes := []*fakeClient{{name: "a", fail: true}, {name: "b", fail: true}, {name: "c"}}
		var clients []outputs.NetworkClient
		for _, fake := range fakes {
			clients = append(clients, withBackoff(fake, backoffConfig{Init: time.Minute, Max: time.Minute}, l))
		}
		f := newFailover(clients)
		begun := time.Now()
		for times := 1; f.Connect() != nil; times++ {
			require.Less(t, times, 3)
		}
		require.Zero(t, time.Since(begun), "no wait while a host is left that was not tried")
		require.Len(t, fakes[2].connects, 1)
		require.Equal(t, "failover(backoff(a),backoff(b),backoff(c))", f.String())

		// c dies: a and b wait for their time, the earlier one is taken.
		require.Error(t, f.Publish(context.Background(), nil))
		fakes[0].fail, fakes[1].fail = false, false
		require.NoError(t, f.Connect())
		require.LessOrEqual(t, time.Since(begun), time.Minute)
		require.Len(t, fakes[2].connects, 1, "the one that just failed is not tried again")
		require.NoError(t, f.Close())
	})
}

func TestFailoverOfOneIsThatOne(t *testing.T) {
	inner := &fakeClient{}
	require.Same(t, inner, newFailover([]outputs.NetworkClient{inner}))
}
