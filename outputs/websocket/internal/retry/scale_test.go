// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package retry

import (
	"container/heap"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"filebeat-websocket/outputs/websocket/internal/conn"
	"filebeat-websocket/protocol"
)

// The fleet here is simulated by events on a clock that jumps, not by goroutines as in
// herd_test.go: a million agents fit into memory. How long they wait is what After and
// Wait say.

// scale is a fleet of agents behind a balancer.
type scale struct {
	agents, receivers int
	backoff           Backoff
	age               time.Duration // --max-connection-age
	leastConn         bool          // instead of round robin
	noticed           time.Duration // by the balancer, after a receiver has gone
	accepts           int           // connections that a receiver accepts per second
	connectTimeout    time.Duration
}

// outageOf is what happens to some receivers at the time 0.
type outageOf struct {
	receivers int
	away      time.Duration // for ever if 0
	graceful  time.Duration // --shutdown-delay; 0: killed
}

// site is a receiver in the simulation.
type site struct {
	open     int
	downFrom time.Duration
	downTo   time.Duration
	freeAt   time.Duration // when it has accepted all that came
}

func (s *site) down(at time.Duration) bool { return at >= s.downFrom && at < s.downTo }

const never = time.Duration(math.MaxInt64)

type happening uint8

const (
	attempt happening = iota
	accepted
	closed // by the receiver: age, or the drain
	lost   // the receiver was killed
)

// moment is something that happens to an agent. stay tells the connection that it is
// about: a later one of the agent is another.
type moment struct {
	at    time.Duration
	agent int32
	stay  uint32
	what  happening
}

type moments []moment

func (m moments) Len() int           { return len(m) }
func (m moments) Less(i, j int) bool { return m[i].at < m[j].at }
func (m moments) Swap(i, j int)      { m[i], m[j] = m[j], m[i] }
func (m *moments) Push(x any)        { *m = append(*m, x.(moment)) } //nolint:errcheck // heap pushes moments only
func (m *moments) Pop() any {
	last := len(*m) - 1
	x := (*m)[last]
	*m = (*m)[:last]
	return x
}

// agentState is all that is kept of an agent.
type agentState struct {
	site     int16 // -1 without a connection
	failures uint8
	stay     uint32
}

// course is what came of it.
type course struct {
	attempts  []int // of each second
	accepted  []int
	connected []float64       // share of the agents, at the end of each second
	spread    []float64       // the largest share of a receiver, in even shares
	back      time.Duration   // until 99 % are connected, from the outage on
	state     []agentState    // at the end
	sites     []site          // likewise
	waits     []time.Duration // in the queues of receivers, of those that were accepted
}

// errLost and the others are the causes that an agent sees.
var (
	errLost     = fmt.Errorf("read: %w", io.EOF)
	errGoneAway = &conn.CloseError{Code: protocol.CloseGoingAway}
	errRefused  = errors.New("dial tcp: connection refused")
)

// run simulates so many seconds after the outage. Before it, all agents are connected for
// long: their ages are as they are in a fleet that runs.
func (s scale) run(o outageOf, seconds int, random *rand.Rand) course {
	c := course{
		attempts: make([]int, seconds), accepted: make([]int, seconds),
		state: make([]agentState, s.agents), sites: make([]site, s.receivers),
	}
	for i := range c.sites {
		c.sites[i].downFrom, c.sites[i].downTo = never, never
	}
	end := time.Duration(seconds) * time.Second
	queue := make(moments, 0, s.agents+s.agents/8)
	push := func(m moment) {
		if m.at < end {
			heap.Push(&queue, m)
		}
	}
	for i := range o.receivers {
		c.sites[i].downFrom = o.graceful
		if o.away > 0 {
			c.sites[i].downTo = o.graceful + o.away
		}
	}
	for i := range c.state {
		at := i % s.receivers
		c.state[i].site = int16(at)
		c.sites[at].open++
		// The rest of an age of which a random part has passed.
		ends := time.Duration(random.Float64() * float64(s.lifetime(random)))
		what := closed
		if at < o.receivers {
			if o.graceful > 0 {
				ends = min(ends, o.graceful/2+time.Duration(random.Int64N(int64(o.graceful/2))))
			} else {
				ends, what = 0, lost
			}
		}
		push(moment{at: ends, agent: int32(i), what: what})
	}
	turn, away := 0, 0
	last := -1
	for len(queue) > 0 {
		m, _ := heap.Pop(&queue).(moment)
		for second := int(m.at / time.Second); last < second-1; {
			last++
			c.sample(s, away)
		}
		agent := &c.state[m.agent]
		if m.what != attempt && m.what != accepted && m.stay != agent.stay {
			continue
		}
		fail := func(cause error) {
			wait := After(cause, time.Time{}).Wait(s.backoff, int(agent.failures))
			agent.failures = min(agent.failures+1, math.MaxUint8)
			push(moment{at: m.at + wait, agent: m.agent, what: attempt})
		}
		switch m.what {
		case closed, lost:
			c.sites[agent.site].open--
			agent.site = -1
			agent.stay++
			away++
			agent.failures = 0 // batches were confirmed on it
			if m.what == lost {
				fail(errLost)
			} else {
				fail(errGoneAway)
			}
		case attempt:
			c.attempts[int(m.at/time.Second)]++
			chosen := c.choose(s, o, m.at, &turn)
			if chosen < 0 || c.sites[chosen].down(m.at) {
				fail(errRefused)
				continue
			}
			to := &c.sites[chosen]
			to.freeAt = max(to.freeAt, m.at) + time.Second/time.Duration(s.accepts)
			if wait := to.freeAt - m.at; wait > s.connectTimeout {
				to.freeAt -= time.Second / time.Duration(s.accepts) // it gives up before its turn
				m.at += s.connectTimeout
				fail(errRefused)
				continue
			}
			c.waits = append(c.waits, to.freeAt-m.at)
			to.open++ // leastconn counts those that wait
			agent.site = int16(chosen)
			push(moment{at: to.freeAt, agent: m.agent, stay: agent.stay, what: accepted})
		case accepted:
			c.accepted[int(m.at/time.Second)]++
			away--
			lives := s.lifetime(random)
			if to := &c.sites[agent.site]; to.downFrom > m.at && to.downFrom != never && m.at+lives > to.downFrom {
				lives = to.downFrom - m.at
			}
			push(moment{at: m.at + lives, agent: m.agent, stay: agent.stay, what: closed})
		}
	}
	for last < seconds-1 {
		last++
		c.sample(s, away)
	}
	c.back = time.Duration(seconds) * time.Second
	for second := seconds - 1; second >= 0 && c.connected[second] >= 0.99; second-- {
		c.back = time.Duration(second) * time.Second
	}
	return c
}

// lifetime of a connection: what receiver/internal/spread returns, or for ever.
func (s scale) lifetime(random *rand.Rand) time.Duration {
	if s.age == 0 {
		return never / 4
	}
	return s.age - time.Duration(random.Int64N(int64(s.age/2)))
}

// choose returns the receiver that the balancer picks; -1 if it knows of none.
func (c *course) choose(s scale, o outageOf, at time.Duration, turn *int) int {
	known := func(i int) bool { // to be ready, by the last check
		to := &c.sites[i]
		if o.graceful > 0 && i < o.receivers && at < to.downTo && at >= s.noticed {
			return false // /readyz fails from the signal on
		}
		return !to.down(at) || at < to.downFrom+s.noticed
	}
	best := -1
	for range s.receivers {
		*turn = (*turn + 1) % s.receivers
		switch i := *turn; {
		case !known(i):
		case !s.leastConn:
			return i
		case best < 0 || c.sites[i].open < c.sites[best].open:
			best = i
		}
	}
	return best
}

func (c *course) sample(s scale, away int) {
	c.connected = append(c.connected, 1-float64(away)/float64(s.agents))
	most := 0
	for i := range c.sites {
		most = max(most, c.sites[i].open)
	}
	c.spread = append(c.spread, float64(most)*float64(s.receivers)/float64(s.agents))
}

func (c *course) peakAccepted() int { return slices.Max(c.accepted) }
func (c *course) peakAttempts() int { return slices.Max(c.attempts) }

// slowest returns the wait of one in a hundred for its TLS handshake.
func (c *course) slowest() time.Duration {
	if len(c.waits) == 0 {
		return 0
	}
	slices.Sort(c.waits)
	return c.waits[len(c.waits)*99/100]
}
