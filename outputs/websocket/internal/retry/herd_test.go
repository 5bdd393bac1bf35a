// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package retry

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/elastic/beats/v7/libbeat/publisher"
)

// fleetSize is the number of agents that lose one server at once.
const fleetSize = 5000

// outage is what happens to a fleet whose agents are all connected: the server
// goes, refuses every attempt for a while, and then accepts all.
type outage struct {
	agents  int
	backoff Backoff
	away    time.Duration
	loss    error // how the connections end
	refusal error // how an attempt ends while the server is away
}

// arrival is one attempt to connect, counted from the loss of the server.
type arrival struct {
	after    time.Duration
	accepted bool
}

// fleetAgent is a client without a network: whether an attempt succeeds depends
// on the clock alone, and every connection gets a batch confirmed.
type fleetAgent struct {
	outage   *outage
	lostAt   time.Time // zero before the loss
	arrivals []arrival
	proof    bool
}

func (a *fleetAgent) Connect() error {
	if a.lostAt.IsZero() {
		a.proof = true
		return nil
	}
	after := time.Since(a.lostAt)
	a.proof = after >= a.outage.away
	a.arrivals = append(a.arrivals, arrival{after, a.proof})
	if !a.proof {
		return a.outage.refusal
	}
	return nil
}

func (a *fleetAgent) Publish(context.Context, publisher.Batch) error {
	a.lostAt = time.Now()
	return a.outage.loss
}

func (a *fleetAgent) TakeProof() bool {
	proof := a.proof
	a.proof = false
	return proof
}

func (a *fleetAgent) Close() error   { return nil }
func (a *fleetAgent) String() string { return "agent" }

// simulate runs the policy of the output on the fake clock, until every agent is
// connected again. It returns all attempts in the order of time.
func simulate(t *testing.T, o outage) (arrivals []arrival) {
	t.Helper()
	if o.loss == nil {
		o.loss = fmt.Errorf("read: %w", io.EOF)
	}
	if o.refusal == nil {
		o.refusal = fmt.Errorf("dial tcp: %w", syscall.ECONNREFUSED)
	}
	synctest.Test(t, func(t *testing.T) {
		agents := make([]*fleetAgent, o.agents)
		clients := make([]*Waiting, o.agents)
		for i := range agents {
			agents[i] = &fleetAgent{outage: &o}
			clients[i] = NewWaiting(t.Context(), agents[i], o.backoff)
			require.NoError(t, clients[i].Connect())
		}
		// The fake clock stands still while a goroutine of the test runs: all lose
		// the server in the same instant.
		for _, each := range clients {
			require.ErrorIs(t, each.Publish(t.Context(), nil), o.loss)
		}
		var all sync.WaitGroup
		for _, each := range clients {
			all.Go(func() {
				for each.Connect() != nil {
					continue // the pipeline asks again at once
				}
			})
		}
		all.Wait()
		for _, agent := range agents {
			arrivals = append(arrivals, agent.arrivals...)
		}
	})
	slices.SortFunc(arrivals, func(a, b arrival) int { return int(a.after - b.after) })
	return arrivals
}

// attempts is how many of them began within one second.
type attempts struct{ refused, accepted int }

func (s attempts) all() int { return s.refused + s.accepted }

// perSecond counts the attempts of each second since the loss.
func perSecond(arrivals []arrival) []attempts {
	seconds := make([]attempts, 1+arrivals[len(arrivals)-1].after/time.Second)
	for _, a := range arrivals {
		if s := &seconds[a.after/time.Second]; a.accepted {
			s.accepted++
		} else {
			s.refused++
		}
	}
	return seconds
}

// peak is the most that count finds in one second.
func peak(seconds []attempts, count func(attempts) int) (most int) {
	for _, s := range seconds {
		most = max(most, count(s))
	}
	return most
}

func TestAFleetThatLosesItsServerComesBackSpreadOut(t *testing.T) {
	backoff := Backoff{Init: 10 * time.Second, Max: time.Minute}
	for _, away := range []time.Duration{0, 1, 5, 30, 120} {
		away *= time.Second
		t.Run(fmt.Sprintf("the server is away for %v", away), func(t *testing.T) {
			arrivals := simulate(t, outage{agents: fleetSize, backoff: backoff, away: away})
			seconds := perSecond(arrivals)
			most := peak(seconds, attempts.all)
			t.Logf("peak %d attempts in a second, %.1f %% of the agents; all back after %v",
				most, 100*float64(most)/fleetSize, arrivals[len(arrivals)-1].after)
			require.Less(t, most, fleetSize*15/100)
			accepted := 0
			for _, s := range seconds {
				accepted += s.accepted
			}
			require.Equal(t, fleetSize, accepted, "every agent connects once")
		})
	}
}

func TestASingleAgentIsBackSoonAfterAShortLoss(t *testing.T) {
	for range 100 {
		arrivals := simulate(t, outage{agents: 1, backoff: Backoff{Init: time.Second, Max: time.Minute}})
		require.Len(t, arrivals, 1)
		require.LessOrEqual(t, arrivals[0].after, 1500*time.Millisecond)
	}
}
