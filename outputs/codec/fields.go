// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"strings"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/elastic-agent-libs/mapstr"
)

// Names of an event's own parts, as libbeat writes them.
const (
	timestampField = "@timestamp"
	metadataField  = "@metadata"
	idField        = "_id"
)

// eventID returns the _id that a processor such as add_id or fingerprint has set,
// nil without one.
func eventID(event *beat.Event) any { return event.Meta[idField] }

// lookup finds a value by its dotted key, as libbeat does: a key that contains the
// dots wins over a path of nested keys.
func lookup(m map[string]any, key string) (v any, found bool) {
	for {
		if v, found = m[key]; found {
			return v, true
		}
		first, rest, nested := strings.Cut(key, ".")
		if !nested {
			return nil, false
		}
		switch inner := m[first].(type) {
		case mapstr.M:
			m = inner
		case map[string]any:
			m = inner
		default:
			return nil, false
		}
		key = rest
	}
}
