// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package tail

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"sync"
)

const (
	// What waits for a viewer: records that it has not searched yet.
	maxWaitingRecords = 4096
	maxWaitingBytes   = 4 << 20
	// What is sent at once.
	maxRows     = 600
	maxRowBytes = 4 << 20
)

// viewer is one stream. hubLoop gives it records; the goroutine of its request searches
// them, so that a slow search delays no other viewer.
type viewer struct {
	query    query
	problem  string // with the query
	signedIn bool
	perTick  int
	wake     chan struct{} // holds a token while something waits

	// Used only by the goroutine of the request.
	search viewerSearch
	counts viewerCounts

	mutex   sync.Mutex
	hello   []byte
	backlog []*shownRecord // that were there before the viewer, oldest first
	waiting []*shownRecord
	bytes   int    // of the records in waiting
	skipped uint64 // records for which there was no room in waiting
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
	return &viewer{query: q, wake: make(chan struct{}, 1), perTick: rowsPerSecond / ticksPerSecond, due: rowsPerSecond}
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
	if v.problem != "" || !v.query.selects(r) {
		return
	}
	v.mutex.Lock()
	defer v.mutex.Unlock()
	if len(v.waiting) >= maxWaitingRecords || v.bytes+len(r.raw) > maxWaitingBytes {
		v.skipped++ // the viewer is slow
		return
	}
	v.waiting = append(v.waiting, r)
	v.bytes += len(r.raw)
}

// tick wakes the viewer for the records of the last tenth of a second. Unused quota is
// kept for a second, because agents send in bursts.
func (v *viewer) tick() {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	v.due = min(v.due+v.perTick, v.perTick*ticksPerSecond)
	if len(v.waiting) > 0 {
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
	v.counts.Skipped += v.skipped
	v.hello, v.backlog, v.waiting, v.bytes, v.skipped, v.site = nil, nil, nil, 0, 0, nil
	v.mutex.Unlock()
	if hello != nil {
		writeEvent(b, "hello", hello)
	}
	rows := v.searchBacklog(ctx, backlog)
	found := v.searchNew(ctx, waiting, due)
	v.mutex.Lock()
	v.due -= len(found)
	v.mutex.Unlock()
	if rows = append(rows, found...); len(rows) > 0 {
		writeEvent(b, "rows", []byte{'['}, bytes.Join(rows, []byte{','}), []byte{']'})
	}
	if site != nil {
		own, _ := json.Marshal(v.counts) // numbers only
		writeEvent(b, "state", []byte(`{"site":`), site, []byte(`,"own":`), own, []byte{'}'})
	}
}

// searchBacklog returns the newest matches among the records that were there before,
// oldest first.
func (v *viewer) searchBacklog(ctx context.Context, backlog []*shownRecord) (rows [][]byte) {
	if v.problem != "" {
		return nil
	}
	slices.Reverse(backlog)
	size := 0
	v.search.each(ctx, len(backlog), func(i int) bool {
		if r := backlog[i]; v.query.selects(r) && v.query.finds(r) {
			encoded := r.encode()
			if size += len(encoded); size > maxRowBytes/2 {
				return false
			}
			rows = append(rows, encoded)
		}
		return len(rows) < maxRows/2
	})
	slices.Reverse(rows)
	return rows
}

// searchNew returns the matches among new records as far as they are due, and counts
// all of them.
func (v *viewer) searchNew(ctx context.Context, waiting []*shownRecord, due int) (rows [][]byte) {
	size := 0
	done := v.search.each(ctx, len(waiting), func(i int) bool {
		r := waiting[i]
		if !v.query.finds(r) {
			return true
		}
		v.counts.Matched++
		if len(rows) >= min(due, maxRows) {
			return true
		}
		encoded := r.encode()
		if size+len(encoded) > maxRowBytes {
			return true
		}
		size += len(encoded)
		v.counts.Shown++
		rows = append(rows, encoded)
		return true
	})
	v.counts.Skipped += uint64(len(waiting) - done)
	return rows
}

// writeEvent writes JSON, which has no line breaks.
func writeEvent(b *bytes.Buffer, name string, data ...[]byte) {
	b.WriteString("event: " + name + "\ndata: ")
	for _, piece := range data {
		b.Write(piece)
	}
	b.WriteString("\n\n")
}
