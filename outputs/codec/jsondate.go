// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"maps"

	"github.com/elastic/beats/v7/libbeat/beat"
)

// jsonDateEncoder writes the date field as Fluent Bit does, then the fields of
// the event, without @timestamp and @metadata.
type jsonDateEncoder struct {
	values jsonValues
	key    string
	// start is the constant start of the record, shared by all encoders.
	start  string
	format dateFormat
}

func newJSONDate(o *jsonOptions) (func() Encoder, error) {
	format, err := parseDateFormat(o.Format, dateDouble)
	if err != nil {
		return nil, err
	}
	times := newTimeFormat()
	start := append(appendJSONString([]byte("{"), o.Key), ':')
	if format.isText() {
		start = append(start, '"')
	}
	return func() Encoder {
		return &jsonDateEncoder{values: jsonValues{times: times}, key: o.Key, start: string(start), format: format}
	}, nil
}

func (e *jsonDateEncoder) Append(dst []byte, event *beat.Event) ([]byte, error) {
	record := append(dst, e.start...)
	record = e.format.append(record, event.Timestamp)
	if e.format.isText() {
		record = append(record, '"')
	}
	record = append(record, ',')

	fields := event.Fields
	if _, taken := fields[e.key]; taken {
		// The date replaces the field. The event must not change, so its top level is
		// copied.
		fields = maps.Clone(fields)
		delete(fields, e.key)
	}
	record, err := e.values.appendMembers(record, fields, 1)
	if err != nil {
		return dst, err
	}
	return closeObject(record), nil
}

var _ Encoder = (*jsonDateEncoder)(nil)
