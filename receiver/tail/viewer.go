// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package tail

import (
	"bytes"
	"context"
	"encoding/json"
	"sync"
)

const (
	// What waits for a viewer: records that it has not searched yet.
	maxWaitingRecords = 4096
	maxWaitingBytes   = 4 << 20
	// What is sent at once.
	maxRows     = 600
	maxRowBytes = 4 << 20 // half of them with what was there before
)

// viewer is one stream. hubLoop gives it records; the goroutine of its request searches
// them, so that a slow search delays no other viewer.
type viewer struct {
	query    query
	signedIn bool
	perTick  int
	wake     chan struct{} // holds a token while something waits

	// Used only by the goroutine of the request.
	search viewerSearch
	around surroundings
	counts viewerCounts

	mutex   sync.Mutex
	hello   []byte
	backlog []*shownRecord // that were there before the viewer, oldest first
	waiting []*shownRecord
	bytes   int    // of the records in waiting
	skipped uint64 // records for which there was no room in waiting
	missed  uint64 // records that nobody looked at
	last    uint64 // number of the newest record that was offered
	due     int    // rows that may be sent at this moment
	site    []byte // encoded siteState, the newest
}

// viewerCounts tell a viewer how many of the records it asked for it got.
type viewerCounts struct {
	Matched uint64 `json:"matched"`
	Shown   uint64 `json:"shown"`
	Skipped uint64 `json:"skipped"` // records that there was no time to search
}

func newViewer(q query, rowsPerSecond int) *viewer {
	return &viewer{
		query: q, around: surroundings{lines: q.around},
		wake: make(chan struct{}, 1), perTick: rowsPerSecond / ticksPerSecond, due: rowsPerSecond,
	}
}

// welcome gives the viewer its initial state. recent belongs to the viewer from then on.
func (v *viewer) welcome(hello []byte, recent []*shownRecord) {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	v.hello, v.backlog = hello, recent
	v.signal()
}

// offer gives the viewer a record to search.
func (v *viewer) offer(r *shownRecord) {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	v.last = r.Number
	if v.query.around == 0 && !v.query.selects(r) {
		return
	}
	if len(v.waiting) >= maxWaitingRecords || v.bytes+len(r.raw) > maxWaitingBytes {
		v.skipped++ // the viewer is slow
		return
	}
	v.waiting = append(v.waiting, r)
	v.bytes += len(r.raw)
}

// tick wakes the viewer for the records of the last tenth of a second. missed is how
// many of them nobody looked at. Unused quota is kept for a second, because agents send
// in bursts.
func (v *viewer) tick(missed uint64) {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	v.due = min(v.due+v.perTick, v.perTick*ticksPerSecond)
	v.missed += missed
	if len(v.waiting) > 0 || v.missed > 0 {
		v.signal()
	}
}

// tell has the state of the site, and the viewer's own counts, sent to the viewer.
func (v *viewer) tell(site []byte) {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	v.site = site
	v.signal()
}

func (v *viewer) signal() {
	select {
	case v.wake <- struct{}{}:
	default:
	}
}

// take searches what waits, and appends what is to be sent to b, as server-sent events.
func (v *viewer) take(ctx context.Context, b *bytes.Buffer) {
	v.mutex.Lock()
	hello, backlog, waiting, due, site := v.hello, v.backlog, v.waiting, v.due, v.site
	skipped, missed, last := v.skipped, v.missed, v.last
	v.hello, v.backlog, v.waiting, v.bytes, v.skipped, v.missed, v.site = nil, nil, nil, 0, 0, 0, nil
	v.mutex.Unlock()
	o := output{to: b}
	if hello != nil {
		o.event(helloEvent, hello)
	}
	v.searchBacklog(ctx, backlog, &o)
	sent, left, late := v.searchNew(ctx, waiting, due, &o)
	v.counts.Skipped += skipped + late
	o.gap(gap{After: last, Left: left, Unread: skipped + late + missed})
	v.mutex.Lock()
	v.due -= sent
	v.mutex.Unlock()
	if site != nil {
		own, _ := json.Marshal(v.counts) // numbers only
		o.event(stateEvent, []byte(`{"site":`), site, []byte(`,"own":`), own, []byte{'}'})
	}
	o.close()
}

// searchBacklog writes the newest matches among the records that were there before,
// oldest first. It looks for the newest first, in case that the time does not suffice.
func (v *viewer) searchBacklog(ctx context.Context, backlog []*shownRecord, o *output) {
	hits, size, first := make([]bool, len(backlog)), 0, len(backlog)
	v.search.each(ctx, len(backlog), func(i int) bool {
		at := len(backlog) - 1 - i
		if r := backlog[at]; v.query.selects(r) && v.query.finds(r) {
			if size += len(r.encode()); size > maxRowBytes/2 {
				return false
			}
			hits[at] = true
		}
		first = at
		return true
	})
	missed, begun := uint64(0), false
	for at := first; at < len(backlog); at++ {
		r := backlog[at]
		missed += r.missed
		for _, shown := range v.around.pass(r, hits[at]) {
			if begun {
				o.gap(gap{After: r.Number - 1, Unread: missed})
			}
			missed, begun = 0, true
			v.show(shown, shown == r && hits[at], o)
		}
	}
	if begun {
		o.gap(gap{After: backlog[len(backlog)-1].Number, Unread: missed})
	}
}

// show writes a record if there is room. What surrounds hits leaves room for them.
func (v *viewer) show(r *shownRecord, hit bool, o *output) bool {
	if hit {
		return o.row(rowsEvent, r.encode())
	}
	return o.size < maxRowBytes/2 && o.row(contextEvent, r.encode())
}

// searchNew writes the matches among new records as far as they are due. It returns how
// many records it wrote, how many matches it left out, and how many records it had no
// time to search.
func (v *viewer) searchNew(ctx context.Context, waiting []*shownRecord, due int, o *output) (sent int, left, late uint64) {
	done := v.search.each(ctx, len(waiting), func(i int) bool {
		r := waiting[i]
		hit := (v.query.around == 0 || v.query.selects(r)) && v.query.finds(r)
		for _, one := range v.around.pass(r, hit) {
			itself := hit && one == r
			wrote := sent < min(due, maxRows) && v.show(one, itself, o)
			if wrote {
				sent++
			}
			if itself {
				v.counts.Matched++
				if wrote {
					v.counts.Shown++
				} else {
					left++
				}
			}
		}
		return true
	})
	return sent, left, uint64(len(waiting) - done)
}
