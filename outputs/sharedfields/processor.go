// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package sharedfields

import (
	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/beats/v7/libbeat/processors"
	"github.com/elastic/elastic-agent-libs/mapstr"
)

// The fields of a file's event that are in no shared fields.
const (
	messageField = "message"
	logField     = "log"
)

// processor is libbeat's processing of one client's events, with shorter ways.
type processor struct {
	beat.Processor // for events that may have values to normalize

	shared *Fields        // nil unless they are all that is added to an event
	normal beat.Processor // the same without normalizing, nil with shared
}

// Run implements beat.Processor.
func (p *processor) Run(event *beat.Event) (*beat.Event, error) {
	if event == nil || len(event.Fields) == 0 || event.Timestamp.IsZero() {
		return p.Processor.Run(event)
	}
	line := isLine(event.Fields)
	if !line && !isNormal(event.Fields) {
		return p.Processor.Run(event)
	}
	if p.shared == nil {
		return p.normal.Run(event)
	}
	if len(event.Meta) > 0 || !line && !p.shared.areApartFrom(event.Fields) {
		return p.Processor.Run(event)
	}
	p.shared.GiveTo(event)
	return event, nil
}

// Close closes the processors of the client.
func (p *processor) Close() error { return processors.Close(p.Processor) }

// isLine reports whether these are the fields that filestream gives to a line of a file.
// They are normal and in no shared fields. Looking them up takes less than iterating.
func isLine(fields mapstr.M) bool {
	_, isText := fields[messageField].(string)
	log, isMap := fields[logField].(mapstr.M)
	if !isText || !isMap || len(fields) != 2 || len(log) != 2 {
		return false
	}
	_, isOffset := log["offset"].(int64)
	file, isFile := log["file"].(mapstr.M)
	if !isOffset || !isFile {
		return false
	}
	strings := 0
	for _, name := range [...]string{"path", "device_id", "inode", "fingerprint"} {
		if _, ok := file[name].(string); ok {
			strings++
		}
		if strings == len(file) {
			return true
		}
	}
	return false
}

// areApartFrom reports whether no field is in both.
func (f *Fields) areApartFrom(fields mapstr.M) bool {
	for key := range fields {
		if _, both := f.fields[key]; both {
			return false
		}
	}
	return true
}

// isNormal reports whether normalizing would only copy the fields: there are no nulls,
// and no kinds of values that libbeat replaces by others.
func isNormal(fields mapstr.M) bool {
	for _, v := range fields {
		switch v := v.(type) {
		case string, int64, int, bool, []string:
		case mapstr.M:
			if !isNormal(v) {
				return false
			}
		default:
			return false
		}
	}
	return true
}
