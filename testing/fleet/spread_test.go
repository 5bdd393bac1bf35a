// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"flag"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
)

var age = flag.Duration("fleet.age", 30*time.Second, "maximum age of a connection in the test of the spread")

// The agents are the output's own clients, the receivers real ones.
func TestAFleetFollowsItsReceivers(t *testing.T) {
	t.Parallel()
	const (
		agents     = 200
		mostPeak   = agents * 15 / 100 // in a second
		tolerance  = 5                 // a share is off by a fifth at most
		drainDelay = 16 * time.Second
	)
	b := startBalancer(t)
	var receivers []*beattest.Receiver
	add := func() {
		r := beattest.StartReceiver(t, "--sync=false", "--quiet", "--max-connection-age", age.String(), "--shutdown-delay", drainDelay.String())
		address, err := url.Parse(r.URL())
		require.NoError(t, err)
		b.add(address.Host)
		receivers = append(receivers, r)
	}
	add()
	add()

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var writing atomic.Bool
	writing.Store(true)
	var running sync.WaitGroup
	defer running.Wait()
	fleet := make([]*agent, agents)
	for i := range fleet {
		fleet[i] = newAgent(t, i+1, map[string]any{"hosts": []string{b.url()}, "ack": "message"})
		running.Go(func() {
			select {
			case <-time.After(time.Duration(i) * *age / 2 / agents): // a roll-out in steps
				fleet[i].run(ctx, &writing)
			case <-ctx.Done():
			}
		})
	}
	sum := func(shares []int) (all int) {
		for _, share := range shares {
			all += share
		}
		return all
	}
	beattest.Eventually(t, *age/2+patience, "all agents are connected", func() bool { return sum(b.shares()) == agents })
	t.Logf("connections with 2 receivers: %v", b.shares())
	even := func(receivers int) {
		t.Helper()
		// A moment in which few are between two connections.
		beattest.Eventually(t, patience, "agents are connected", func() bool { return sum(b.shares()) >= agents*95/100 })
		shares := b.shares()
		t.Logf("connections with %d receivers: %v", receivers, shares)
		for _, share := range shares[:receivers] {
			require.InDelta(t, agents/receivers, share, agents/float64(receivers*tolerance))
		}
	}

	grown := time.Now()
	add()
	add()
	time.Sleep(*age * 3 / 2)
	even(4)
	t.Logf("peak while they spread: %d connections in a second", b.peak(grown))
	require.Less(t, b.peak(grown), mostPeak)

	shrunk := time.Now()
	require.Zero(t, receivers[3].Stop(), "SIGTERM ends it within its grace")
	require.InDelta(t, drainDelay.Seconds(), time.Since(shrunk).Seconds(), 10)
	beattest.Eventually(t, patience, "the receiver's clients are elsewhere", func() bool { return b.shares()[3] == 0 })
	even(3)
	t.Logf("peak while one ends: %d connections in a second", b.peak(shrunk))
	require.Less(t, b.peak(shrunk), mostPeak)

	writing.Store(false)
	running.Wait()
	stored := map[int]int{}
	for _, r := range receivers {
		for number, times := range r.Numbers() {
			stored[number] += times
		}
	}
	lines := 0
	for _, a := range fleet {
		lines += a.written
		require.Zero(t, a.dropped)
		for n := 1; n <= a.written; n++ {
			require.Equalf(t, 1, stored[a.number*maxLines+n], "line %d of agent %d", n, a.number)
		}
	}
	require.Len(t, stored, lines)
	t.Logf("%d lines, each stored once, over %d connections", lines, len(b.arrivals))
	for _, r := range receivers[:3] {
		r.Kill() // a shutdown would wait for its delay
	}
}
