// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"bytes"
	"maps"
	"time"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/elastic-agent-libs/logp"
	"github.com/elastic/elastic-agent-libs/mapstr"
	"github.com/elastic/elastic-agent-libs/monitoring"
	"github.com/elastic/elastic-agent-libs/paths"

	"filebeat-websocket/outputs/eventid"
)

// Values of event_id.
const (
	eventIDAuto     = "auto"
	eventIDPosition = "position"
	eventIDOff      = "off"
)

var eventIDs = []string{eventIDAuto, eventIDPosition, eventIDOff}

// unquoteOff undoes that off without quotes is false in YAML.
func unquoteOff(settings map[string]any) {
	if settings["event_id"] == false {
		settings["event_id"] = eventIDOff
	}
}

// idField is the key of an event's id in its metadata.
const idField = "_id"

// eventIDSource gives events without an id one. Nil does nothing.
type eventIDSource struct {
	source  *eventid.Source  // nil if the format has no room for an id
	without *monitoring.Uint // events that went on without an id
}

// newEventIDSource returns nil with event_id: off.
func newEventIDSource(c *config, format *wireFormat, info beat.Info, registry *monitoring.Registry, log *logp.Logger) *eventIDSource {
	if c.EventID == eventIDOff {
		return nil
	}
	ids := &eventIDSource{without: monitoring.NewUint(registry, "events_without_id")}
	if !format.carriesID() {
		log.Infof("%s has no room for the id of an event: a line that is sent again can't be told from another one", c.codecSubject())
		return ids
	}
	ids.source = eventid.Open(eventid.Options{
		Agent:   info.ID.String(),
		Run:     info.EphemeralID.String(),
		ByInode: c.EventID == eventIDPosition,
		Data:    paths.Resolve(paths.Data, ""),
		Log:     log,
	})
	return ids
}

// carriesID reports whether a record shows the id of its event. What a codec writes
// may depend on its options, so one record is made to see.
func (f *wireFormat) carriesID() bool {
	const id = "a-22-characters-long-1"
	encoded, err := f.newEncoder().Append(nil, &beat.Event{
		Timestamp: time.Now(),
		Meta:      mapstr.M{idField: id},
		Fields:    mapstr.M{"message": "x"},
	})
	return err != nil || bytes.Contains(encoded, []byte(id))
}

func (s *eventIDSource) newMaker() eventIDMaker {
	if s == nil {
		return eventIDMaker{}
	}
	m := eventIDMaker{without: s.without}
	if s.source != nil {
		m.maker = s.source.NewMaker()
		m.meta = mapstr.M{}
	}
	return m
}

// eventIDMaker gives the events of one producer their ids. Its zero value does
// nothing.
type eventIDMaker struct {
	without *monitoring.Uint
	maker   *eventid.Maker
	meta    mapstr.M // metadata of events that have none, so that it is not allocated each time
}

// identify gives an event an id, unless it has one. It replaces the metadata, which
// the input may share between events, and which is valid until the next call.
func (m *eventIDMaker) identify(event *beat.Event) {
	if m.without == nil {
		return
	}
	if m.maker == nil {
		m.without.Inc()
		return
	}
	if len(event.Meta) > 0 {
		if _, set := event.Meta[idField]; set {
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
	event.Meta[idField] = id
}
