// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package tail

import (
	"encoding/json"
	"math"
	"slices"
	"time"
)

const (
	// historySeconds is how far back the histogram goes on a page that has just opened.
	historySeconds = 300

	maxRecent      = 500
	maxRecentBytes = 2 << 20
	maxHosts       = 200
)

// hub is the state that belongs to hubLoop alone.
type hub struct {
	tail    *Tail
	viewers []*viewer
	number  uint64 // of the newest record that was looked at

	recent      []*shownRecord // oldest first
	recentBytes int
	hosts       []string // that records name, the one seen last at the end

	looked                    [len(levelNames)]uint64 // records of this second, by level
	history                   [historySeconds]rates   // a ring
	seconds                   int                     // that went by
	recordsBefore, byteBefore uint64
	lastSecond                time.Time

	leftOutBefore uint64 // at the last tick
	missed        uint64 // records that nobody looked at since the newest of recent
}

// rates are records a second, by level.
type rates [len(levelNames)]float64

func newHub(t *Tail) *hub { return &hub{tail: t, lastSecond: time.Now()} }

// hubLoop ends with Shutdown.
func (h *hub) hubLoop() {
	ticker := time.NewTicker(tickInterval)
	defer ticker.Stop()
	for ticks := 1; ; {
		select {
		case c := <-h.tail.excerpts:
			h.look(c)
		case v := <-h.tail.joins:
			h.join(v)
		case v := <-h.tail.leaves:
			h.viewers = slices.DeleteFunc(h.viewers, func(one *viewer) bool { return one == v })
		case now := <-ticker.C:
			h.tick()
			if ticks++; ticks%ticksPerSecond == 0 {
				h.second(now)
			}
		case <-h.tail.done:
			return
		}
	}
}

// look parses the records of an excerpt and offers them to the viewers.
func (h *hub) look(c *excerpt) {
	h.tail.waiting.Add(-int64(len(c.data)))
	begin := 0
	for _, part := range c.parts {
		r := parse(c.data[begin:part.end:part.end], part.cut, c.peer, c.at)
		begin = part.end
		h.number++
		r.Number = h.number
		r.keep()
		r.missed, h.missed = h.missed, 0
		h.looked[r.level]++
		h.saw(r.Host)
		h.tail.agents.named(c.peer.ID, r.Host)
		if r.timed {
			h.tail.agents.aged(c.peer.ID, c.at.UnixMilli()-r.Time)
		}
		for _, v := range h.viewers {
			v.offer(r)
		}
		h.remember(r)
	}
}

// remember keeps the record for pages that open.
func (h *hub) remember(r *shownRecord) {
	h.recent = append(h.recent, r)
	h.recentBytes += len(r.raw)
	for len(h.recent) > maxRecent || h.recentBytes > maxRecentBytes {
		h.recentBytes -= len(h.recent[0].raw)
		h.recent[0] = nil // append copies what is behind it to a new array in time
		h.recent = h.recent[1:]
	}
}

func (h *hub) saw(host string) {
	last := len(h.hosts) - 1
	if last >= 0 && h.hosts[last] == host {
		return
	}
	if i := slices.Index(h.hosts, host); i >= 0 {
		h.hosts = slices.Delete(h.hosts, i, i+1)
	} else if len(h.hosts) == maxHosts {
		h.hosts = slices.Delete(h.hosts, 0, 1)
	}
	h.hosts = append(h.hosts, host)
}

// tick gives Observe and the viewers their quota for the next tenth of a second.
func (h *hub) tick() {
	quota := int64(quotaUnwatched)
	if len(h.viewers) > 0 {
		quota = max(quotaUnwatched, quotaWatched/int64(len(h.viewers)))
	}
	// Observe may take some in between; that does no harm. Unused quota is kept for a second.
	h.tail.quota.Store(min(max(h.tail.quota.Load(), 0)+quota, quota*ticksPerSecond))
	leftOut := h.tail.leftOut.Load()
	missed := leftOut - h.leftOutBefore
	h.leftOutBefore = leftOut
	h.missed += missed
	for _, v := range h.viewers {
		v.tick(missed)
	}
}

// second computes the rates of the last second and sends them to the viewers.
func (h *hub) second(now time.Time) {
	elapsed := now.Sub(h.lastSecond)
	if elapsed <= 0 {
		return
	}
	h.lastSecond = now
	records, bytes := h.tail.records.Load(), h.tail.bytes.Load()
	events := float64(records-h.recordsBefore) / elapsed.Seconds()
	bytesRate := float64(bytes-h.byteBefore) / elapsed.Seconds()
	levels := h.levels(events)
	h.history[h.seconds%historySeconds] = levels
	h.recordsBefore, h.byteBefore = records, bytes
	h.seconds++
	open, shown := h.tail.agents.snapshot(now, elapsed)
	if len(h.viewers) == 0 {
		return
	}
	hosts := append([]string{}, h.hosts...) // not null
	slices.Sort(hosts)
	encoded, _ := json.Marshal(&siteState{ // numbers and strings only
		Now: now.UnixMilli(), Events: events, Bytes: bytesRate, Levels: levels,
		TotalEvents: records, TotalBytes: bytes, Unread: h.tail.leftOut.Load(),
		Open: open, Agents: shown, Hosts: hosts, Viewers: len(h.viewers),
	})
	for _, v := range h.viewers {
		v.tell(encoded)
	}
}

// levels returns the rates by level if there were so many records a second: those that
// were looked at stand for the others.
func (h *hub) levels(events float64) (byLevel rates) {
	total := uint64(0)
	for _, count := range h.looked {
		total += count
	}
	for l, count := range h.looked {
		if total > 0 {
			byLevel[l] = math.Round(10*events*float64(count)/float64(total)) / 10
		}
	}
	clear(h.looked[:])
	return byLevel
}

// siteState is what all viewers are told every second.
type siteState struct {
	Now         int64        `json:"now"`    // Unix milliseconds
	Events      float64      `json:"events"` // a second, as are Bytes
	Bytes       float64      `json:"bytes"`
	Levels      rates        `json:"levels"` // Events by level
	TotalEvents uint64       `json:"totalEvents"`
	TotalBytes  uint64       `json:"totalBytes"`
	Unread      uint64       `json:"unread"` // records that were not even looked at
	Open        int          `json:"open"`   // connections
	Agents      []agentState `json:"agents"`
	Hosts       []string     `json:"hosts"`
	Viewers     int          `json:"viewers"`
}

// welcome is what a viewer is told first.
type welcome struct {
	Boot     string   `json:"boot"`
	Now      int64    `json:"now"`
	SignedIn bool     `json:"signedIn"`
	Ingest   string   `json:"ingest"`  // path for agents
	Levels   []string `json:"levels"`  // the names of the levels in History
	History  []rates  `json:"history"` // of the last seconds, oldest first
	Recent   int      `json:"recent"`  // how many records are kept for pages that open
}

func (h *hub) join(v *viewer) {
	hello := welcome{
		Boot: h.tail.boot, Now: time.Now().UnixMilli(), SignedIn: v.signedIn, Ingest: h.tail.options.Ingest,
		Levels: levelNames[:], History: []rates{}, Recent: maxRecent,
	}
	for second := max(0, h.seconds-historySeconds); second < h.seconds; second++ {
		hello.History = append(hello.History, h.history[second%historySeconds])
	}
	encoded, _ := json.Marshal(&hello) // numbers and strings only
	h.viewers = append(h.viewers, v)
	v.welcome(encoded, slices.Clone(h.recent))
	h.tick()
}
