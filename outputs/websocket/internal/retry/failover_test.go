// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package retry

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/elastic/beats/v7/libbeat/publisher"

	"filebeat-websocket/outputs/websocket/internal/conn"
)

// hosts are the clients of a failover, each with a wait of its own.
type hosts []*fakeClient

func (h hosts) failover(t *testing.T, backoff Backoff) *Failover {
	t.Helper()
	waiting := make([]*Waiting, len(h))
	for i, each := range h {
		waiting[i] = NewWaiting(t.Context(), each, backoff)
	}
	f, ok := NewFailover(waiting).(*Failover)
	require.True(t, ok)
	return f
}

func TestFailoverGoesToAHostThatMayTryAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fakes := hosts{{name: "a", fail: true}, {name: "b", fail: true}, {name: "c"}}
		f := fakes.failover(t, Backoff{Init: time.Minute, Max: time.Minute})
		begun := time.Now()
		for times := 1; f.Connect() != nil; times++ {
			require.Less(t, times, 3)
		}
		require.Zero(t, time.Since(begun), "no wait while a host is left that was not tried")
		require.Len(t, fakes[2].connects, 1)
		require.Equal(t, "failover(a,b,c)", f.String())
		require.NoError(t, f.Close())
	})
}

// One host refuses the credentials, which costs the longest wait. The other one is
// healthy, and closes its connection now and then.
func TestFailoverComesBackToTheActiveHostIfTheOthersHaveToWaitLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refusal := &conn.UpgradeError{Code: http.StatusUnauthorized}
		fakes := hosts{{name: "healthy"}, {name: "sick", fail: true, with: refusal}}
		f := fakes.failover(t, Backoff{Init: time.Second, Max: time.Minute})
		for f.Connect() != nil {
			continue
		}
		for range 20 {
			fakes[0].proof = true
			require.Error(t, f.Publish(context.Background(), nil))
			begun := time.Now()
			for f.Connect() != nil {
				require.Less(t, len(fakes[1].connects), 10)
			}
			require.LessOrEqual(t, time.Since(begun), time.Second)
		}
	})
}

func TestFailoverLeavesTheActiveHostIfAnotherMayTryAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fakes := hosts{{name: "a"}, {name: "b"}}
		f := fakes.failover(t, Backoff{Init: time.Second, Max: time.Minute})
		require.NoError(t, f.Connect())
		for range 20 {
			before := f.active
			require.Error(t, f.Publish(context.Background(), nil))
			time.Sleep(time.Hour) // of the fake clock: both may try at once
			require.NoError(t, f.Connect())
			require.NotEqual(t, before, f.active)
		}
	})
}

// canceling is a batch that counts Cancelled.
type canceling struct {
	publisher.Batch
	times int
}

func (c *canceling) Cancelled() { c.times++ }

func TestFailoverWithoutAConnectionHandsTheBatchBack(t *testing.T) {
	f := hosts{{name: "a"}, {name: "b"}}.failover(t, Backoff{Init: time.Second, Max: time.Minute})
	batch := &canceling{}
	require.ErrorIs(t, f.Publish(context.Background(), batch), ErrNotConnected)
	require.Equal(t, 1, batch.times)
}

func TestFailoverOfOneIsThatOne(t *testing.T) {
	only := NewWaiting(t.Context(), &fakeClient{}, Backoff{})
	require.Same(t, only, NewFailover([]*Waiting{only}))
}

var errTest = errors.New("test")
