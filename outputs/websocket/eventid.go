// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"bytes"
	"time"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/elastic-agent-libs/logp"
	"github.com/elastic/elastic-agent-libs/mapstr"
	"github.com/elastic/elastic-agent-libs/monitoring"
	"github.com/elastic/elastic-agent-libs/paths"

	"filebeat-websocket/outputs/eventid"
	"filebeat-websocket/outputs/websocket/internal/ids"
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

// newEventIDSource returns nil with event_id: off.
func newEventIDSource(c *config, format *wireFormat, info beat.Info, registry *monitoring.Registry, log *logp.Logger) *ids.Source {
	data := paths.Resolve(paths.Data, "")
	if c.EventID == eventIDOff {
		forgetIDs(data, log)
		return nil
	}
	source := &ids.Source{Without: monitoring.NewUint(registry, "events_without_id")}
	if !format.carriesID() {
		log.Infof("%s has no room for the id of an event: a line that is sent again can't be told from another one", c.codecSubject())
		forgetIDs(data, log)
		return source
	}
	source.IDs = eventid.Open(eventid.Options{
		Agent:   info.ID.String(),
		Run:     info.EphemeralID.String(),
		ByInode: c.EventID == eventIDPosition,
		Data:    data,
		Log:     log,
	})
	return source
}

func forgetIDs(data string, log *logp.Logger) {
	if err := eventid.Forget(data); err != nil {
		log.Warnf("Remove this file before events get ids again: %v", err)
	}
}

// carriesID reports whether a record shows the id of its event. What a codec writes
// may depend on its options, so one record is made to see.
func (f *wireFormat) carriesID() bool {
	const id = "a-22-characters-long-1"
	encoded, err := f.newEncoder().Append(nil, &beat.Event{
		Timestamp: time.Now(),
		Meta:      mapstr.M{ids.Field: id},
		Fields:    mapstr.M{"message": "x"},
	})
	return err != nil || bytes.Contains(encoded, []byte(id))
}
