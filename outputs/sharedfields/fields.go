// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package sharedfields

import (
	"maps"
	"sync"
	"sync/atomic"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/elastic-agent-libs/mapstr"
)

// accepted is set by an output; inputs connect to the pipeline later.
var accepted atomic.Bool

// Accept says that the encoder of the Beat's output calls Take for each event, before
// the event waits in a queue.
func Accept() { accepted.Store(true) }

// Fields are shared by events. They never change.
type Fields struct {
	fields mapstr.M
	// meta is the metadata of an event that has these fields: one entry, which
	// refers to them.
	meta mapstr.M

	once    sync.Once
	members []byte // encoded fields
	err     error
}

// metaKey is the only key of an event's metadata with shared fields. No input sees it.
const metaKey = "shared fields"

// New returns shared fields. It keeps the map.
func New(fields mapstr.M) *Fields {
	f := &Fields{fields: fields}
	f.meta = mapstr.M{metaKey: f}
	return f
}

// Take returns the fields that event shares with others, and removes the reference to
// them from the event. It returns nil if the event is complete.
func Take(event *beat.Event) *Fields {
	if len(event.Meta) != 1 {
		return nil
	}
	f, ok := event.Meta[metaKey].(*Fields)
	if !ok {
		return nil
	}
	event.Meta = nil
	return f
}

// GiveTo gives an event without metadata these fields, for Take.
func (f *Fields) GiveTo(event *beat.Event) { event.Meta = f.meta }

// AddTo completes an event. It changes neither the event's map nor the shared one, but
// a map inside may be in both: the event can be read, not changed.
func (f *Fields) AddTo(event *beat.Event) {
	all := make(mapstr.M, len(event.Fields)+len(f.fields))
	maps.Copy(all, event.Fields)
	maps.Copy(all, f.fields)
	event.Fields = all
}

// Members returns the fields as encode writes them. It is called once for all
// events, so an encoder of another kind must not call Members of the same fields.
func (f *Fields) Members(encode func(mapstr.M) ([]byte, error)) ([]byte, error) {
	f.once.Do(func() { f.members, f.err = encode(f.fields) })
	return f.members, f.err
}
