// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package tail

import (
	"bytes"
	"encoding/json"
)

// The names of the server-sent events.
const (
	helloEvent   = "hello"
	rowsEvent    = "rows"    // records that match
	contextEvent = "context" // records around one that matches
	gapEvent     = "gap"     // records are left out here
	stateEvent   = "state"
)

// gap says how many records are missing between the rows before and behind it.
type gap struct {
	After  uint64 `json:"after"`  // number of the last record that was looked at
	Left   uint64 `json:"left"`   // they match
	Unread uint64 `json:"unread"` // nobody knows whether they match
}

// output writes server-sent events. Consecutive rows share one.
type output struct {
	to   *bytes.Buffer
	open string // name of the event that is not complete
	size int    // bytes of rows
}

// row writes an encoded row, if there is room.
func (o *output) row(name string, encoded []byte) bool {
	if o.size+len(encoded) > maxRowBytes {
		return false
	}
	o.size += len(encoded)
	if o.open == name {
		o.to.WriteByte(',')
	} else {
		o.close()
		o.to.WriteString("event: " + name + "\ndata: [")
		o.open = name
	}
	o.to.Write(encoded)
	return true
}

func (o *output) gap(g gap) {
	if g.Left == 0 && g.Unread == 0 {
		return
	}
	encoded, _ := json.Marshal(g) // numbers only
	o.event(gapEvent, encoded)
}

// event writes JSON, which has no line breaks.
func (o *output) event(name string, data ...[]byte) {
	o.close()
	o.to.WriteString("event: " + name + "\ndata: ")
	for _, piece := range data {
		o.to.Write(piece)
	}
	o.to.WriteString("\n\n")
}

// close completes the event that is open.
func (o *output) close() {
	if o.open != "" {
		o.to.WriteString("]\n\n")
		o.open = ""
	}
}
