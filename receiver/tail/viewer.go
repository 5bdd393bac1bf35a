// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package tail

import (
	"bytes"
	"encoding/json"
	"slices"
	"sync"
)

const (
	maxWaitingRows  = 600
	maxWaitingBytes = 4 << 20
)

// viewer is one stream. hubLoop fills it and the goroutine of its request
// empties it.
type viewer struct {
	query    query
	problem  string // with the query
	signedIn bool
	wake     chan struct{} // holds a token while something waits

	// Of hubLoop.
	perTick int
	due     int // rows that it may have at this moment
	counts  viewerCounts

	mutex   sync.Mutex
	hello   []byte
	rows    [][]byte // encoded
	bytes   int      // of rows
	site    []byte   // encoded siteState, the newest
	telling viewerCounts
}

// viewerCounts tell how much of what it asked for a viewer got.
type viewerCounts struct {
	Matched uint64 `json:"matched"`
	Shown   uint64 `json:"shown"`
}

func newViewer(rowsPerSecond int) *viewer {
	return &viewer{wake: make(chan struct{}, 1), perTick: rowsPerSecond / ticksPerSecond, due: rowsPerSecond}
}

// welcome gives it what it begins with: the newest of the recent records that
// match.
func (v *viewer) welcome(hello []byte, recent []*shownRecord) {
	var rows [][]byte
	size := 0
	for i := len(recent) - 1; i >= 0 && len(rows) < maxWaitingRows/2 && v.problem == ""; i-- {
		if r := recent[i]; v.query.matches(r) {
			if size += len(r.encode()); size > maxWaitingBytes/2 {
				break
			}
			rows = append(rows, r.encode())
		}
		recent[i].lowerMessage, recent[i].lowerRaw = nil, nil
	}
	v.mutex.Lock()
	defer v.mutex.Unlock()
	v.hello = hello
	for _, encoded := range slices.Backward(rows) {
		v.addLocked(encoded)
	}
	v.signal()
}

// offer takes the record if it matches and the viewer is due one.
func (v *viewer) offer(r *shownRecord) {
	if v.problem != "" || !v.query.matches(r) {
		return
	}
	v.counts.Matched++
	if v.due <= 0 {
		return
	}
	encoded := r.encode()
	v.mutex.Lock()
	defer v.mutex.Unlock()
	if len(v.rows) >= maxWaitingRows || v.bytes+len(encoded) > maxWaitingBytes {
		return // it is slow
	}
	v.due--
	v.counts.Shown++
	v.addLocked(encoded)
}

func (v *viewer) addLocked(encoded []byte) {
	v.rows = append(v.rows, encoded)
	v.bytes += len(encoded)
}

// tick sends off what was taken in the last tenth of a second. What a viewer is
// due is saved up for a second: agents send what they have at once.
func (v *viewer) tick() {
	v.due = min(v.due+v.perTick, v.perTick*ticksPerSecond)
	v.mutex.Lock()
	defer v.mutex.Unlock()
	if len(v.rows) > 0 {
		v.signal()
	}
}

// tell has the viewer told of everyone's state and its own.
func (v *viewer) tell(site []byte) {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	v.site, v.telling = site, v.counts
	v.signal()
}

func (v *viewer) signal() {
	select {
	case v.wake <- struct{}{}:
	default:
	}
}

// take appends all that waits to b, as server-sent events.
func (v *viewer) take(b *bytes.Buffer) {
	v.mutex.Lock()
	hello, rows, site, telling := v.hello, v.rows, v.site, v.telling
	v.hello, v.rows, v.bytes, v.site = nil, nil, 0, nil
	v.mutex.Unlock()
	if hello != nil {
		writeEvent(b, "hello", hello)
	}
	if len(rows) > 0 {
		writeEvent(b, "rows", []byte{'['}, bytes.Join(rows, []byte{','}), []byte{']'})
	}
	if site != nil {
		own, _ := json.Marshal(telling) // numbers only
		writeEvent(b, "state", []byte(`{"site":`), site, []byte(`,"own":`), own, []byte{'}'})
	}
}

// writeEvent writes JSON, which has no line breaks.
func writeEvent(b *bytes.Buffer, name string, data ...[]byte) {
	b.WriteString("event: " + name + "\ndata: ")
	for _, piece := range data {
		b.Write(piece)
	}
	b.WriteString("\n\n")
}
