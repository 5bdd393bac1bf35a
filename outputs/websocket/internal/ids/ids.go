// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package ids puts ids into the metadata of events that have none. How an id is made
// is in outputs/eventid.
package ids

import (
	"maps"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/elastic-agent-libs/mapstr"
	"github.com/elastic/elastic-agent-libs/monitoring"

	"filebeat-websocket/outputs/eventid"
)

// Field is the key of an event's id in its metadata.
const Field = "_id"

// Source gives events without an id one. Nil does nothing.
type Source struct {
	IDs     *eventid.Source  // nil if the format has no room for an id
	Without *monitoring.Uint // events that went on without an id
}

// NewMaker returns what one producer uses.
func (s *Source) NewMaker() Maker {
	if s == nil {
		return Maker{}
	}
	m := Maker{without: s.Without}
	if s.IDs != nil {
		m.maker = s.IDs.NewMaker()
		m.meta = mapstr.M{}
	}
	return m
}

// Maker gives the events of one producer their ids. Its zero value does nothing.
type Maker struct {
	without *monitoring.Uint
	maker   *eventid.Maker
	meta    mapstr.M             // metadata of events that have none, so that it is not allocated each time
	last    [eventid.Length]byte // the id that Make returned
}

// Make returns the id of an event without metadata, for an encoder that takes it beside
// the event. It is valid until the next call. It is nil if the event gets none.
func (m *Maker) Make(event *beat.Event) []byte {
	switch {
	case m.without == nil:
		return nil
	case m.maker == nil || !m.maker.Write(&m.last, event):
		m.without.Inc()
		return nil
	}
	return m.last[:]
}

// Identify gives an event an id, unless it has one. It replaces the metadata, which
// the input may share between events, and which is valid until the next call.
func (m *Maker) Identify(event *beat.Event) {
	if m.without == nil {
		return
	}
	if m.maker == nil {
		m.without.Inc()
		return
	}
	if len(event.Meta) > 0 {
		if _, set := event.Meta[Field]; set {
			return
		}
	}
	id, ok := m.maker.ID(event)
	if !ok {
		m.without.Inc()
		return
	}
	if len(event.Meta) == 0 {
		event.Meta = m.meta
	} else {
		event.Meta = maps.Clone(event.Meta)
	}
	event.Meta[Field] = id
}
