// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package tail

import (
	"cmp"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"filebeat-websocket/protocol"
	"filebeat-websocket/receiver"
)

const (
	maxAgentsShown = 50
	maxAgentsGone  = 20
	// goneFor is how long an agent that has disconnected is still shown.
	goneFor = time.Minute
)

// agents are the connections of the receiver.
type agents struct {
	mutex sync.RWMutex
	open  map[uint64]*agent
	gone  []*agent // oldest first
}

// agent is one connection. Its reader writes the counters, hubLoop reads them.
type agent struct {
	id     uint64
	addr   string
	since  time.Time
	ended  time.Time          // zero while it is open; under agents.mutex
	code   protocol.CloseCode // of the Close frame, once ended
	format atomic.Pointer[string]
	host   atomic.Pointer[string] // the one that its records name

	messages, records, duplicates, bytes atomic.Uint64
	confirmed                            atomic.Int64 // Unix milliseconds, 0 before the first

	// Of hubLoop. Ages are milliseconds between the time in a record and its arrival,
	// unknown if no record had a time.
	recordsBefore uint64 // at the last snapshot
	oldest        int64  // age of the oldest record since the last snapshot
	age           int64  // oldest of the last interval that had one
}

const unknown = -1

func (a *agents) opened(p receiver.Peer) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.open[p.ID] = &agent{id: p.ID, addr: p.RemoteAddr, since: time.Now(), oldest: unknown, age: unknown}
}

func (a *agents) closed(p receiver.Peer, end receiver.End) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	one := a.open[p.ID]
	if one == nil {
		return
	}
	delete(a.open, p.ID)
	one.ended, one.code = time.Now(), end.CloseCode
	if len(a.gone) == maxAgentsGone {
		a.gone = slices.Delete(a.gone, 0, 1)
	}
	a.gone = append(a.gone, one)
}

func (a *agents) get(id uint64) *agent {
	a.mutex.RLock()
	defer a.mutex.RUnlock()
	return a.open[id]
}

func (a *agents) confirmed(p receiver.Peer) {
	if one := a.get(p.ID); one != nil {
		one.confirmed.Store(time.Now().UnixMilli())
	}
}

func (a *agents) count(m *receiver.Message) {
	one := a.get(m.Peer.ID)
	if one == nil {
		return
	}
	one.messages.Add(1)
	one.records.Add(uint64(len(m.Records)))
	one.duplicates.Add(uint64(m.Duplicates))
	one.bytes.Add(uint64(m.Bytes))
	if format := one.format.Load(); format == nil || *format != m.Format {
		format := m.Format // m is not kept
		one.format.Store(&format)
	}
}

// named remembers the host that an agent's record names.
func (a *agents) named(id uint64, host string) {
	if one := a.get(id); one != nil {
		if old := one.host.Load(); old == nil || *old != host {
			one.host.Store(&host)
		}
	}
}

// aged notes how old a record of an agent was when it arrived. An agent whose clock is
// ahead has records of age 0.
func (a *agents) aged(id uint64, milliseconds int64) {
	if one := a.get(id); one != nil {
		one.oldest = max(one.oldest, milliseconds, 0)
	}
}

// agentState is an agent as the page gets it. Times are Unix milliseconds.
type agentState struct {
	ID         uint64             `json:"id"`
	Addr       string             `json:"addr"`
	Host       string             `json:"host"`
	Format     string             `json:"format"`
	Since      int64              `json:"since"`
	Confirmed  int64              `json:"confirmed"`
	Ended      int64              `json:"ended"` // 0 while it is open
	Code       protocol.CloseCode `json:"code"`
	Messages   uint64             `json:"messages"`
	Records    uint64             `json:"records"`
	Duplicates uint64             `json:"duplicates"` // those of Records that were left out
	Bytes      uint64             `json:"bytes"`
	Rate       float64            `json:"rate"` // records a second
	Age        int64              `json:"age"`  // milliseconds, of the oldest record that arrived in the last second with any; -1 if unknown
}

// snapshot returns the number of open agents and the agents to show: the busiest,
// then the recently disconnected, newest first.
func (a *agents) snapshot(now time.Time, elapsed time.Duration) (open int, shown []agentState) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.gone = slices.DeleteFunc(a.gone, func(one *agent) bool { return now.Sub(one.ended) > goneFor })
	shown = make([]agentState, 0, len(a.open)+len(a.gone))
	for _, one := range a.open {
		shown = append(shown, one.state(elapsed))
	}
	slices.SortFunc(shown, func(x, y agentState) int {
		return cmp.Or(cmp.Compare(y.Rate, x.Rate), cmp.Compare(x.ID, y.ID))
	})
	shown = shown[:min(len(shown), maxAgentsShown)]
	for _, one := range slices.Backward(a.gone) {
		shown = append(shown, one.state(elapsed))
	}
	return len(a.open), shown
}

func (a *agent) state(elapsed time.Duration) agentState {
	if a.oldest != unknown {
		a.age, a.oldest = a.oldest, unknown
	}
	s := agentState{
		ID: a.id, Addr: a.addr, Since: a.since.UnixMilli(), Confirmed: a.confirmed.Load(), Code: a.code, Age: a.age,
		Messages: a.messages.Load(), Records: a.records.Load(), Duplicates: a.duplicates.Load(), Bytes: a.bytes.Load(),
	}
	if format := a.format.Load(); format != nil {
		s.Format = *format
	}
	if host := a.host.Load(); host != nil {
		s.Host = *host
	}
	if !a.ended.IsZero() {
		s.Ended = a.ended.UnixMilli()
	} else {
		s.Rate = float64(s.Records-a.recordsBefore) / elapsed.Seconds()
		a.recordsBefore = s.Records
	}
	return s
}

// ipOf returns the address without its port.
func ipOf(addr string) string {
	if host, _, err := net.SplitHostPort(addr); err == nil {
		return host
	}
	return addr
}
