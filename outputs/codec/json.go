// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"github.com/elastic/beats/v7/libbeat/beat"
	conf "github.com/elastic/elastic-agent-libs/config"
	"github.com/elastic/elastic-agent-libs/mapstr"

	"filebeat-websocket/outputs/sharedfields"
)

func init() {
	Register("json", Kind{
		New:         newJSON,
		Framings:    []string{"message", "lines", "array", "concat"},
		Formats:     map[string]string{"json": "message", "json_lines": "lines", "json_array": "array", "json_stream": "concat"},
		Options:     func() Options { return &jsonOptions{} },
		Replaceable: true,
		Document:    true,
		InLibbeat:   true,
	})
}

// jsonEncoder writes the event as libbeat's JSON codec does: @timestamp,
// @metadata, then the fields. A field with one of those two names is written
// again after them, so a decoder keeps the field.
type jsonEncoder struct {
	values jsonValues
	// metadata is the constant start of @metadata, shared by all encoders.
	metadata string
}

// newJSON makes the json codec. It has only the options of the date field: others, such
// as pretty-printing, are those of libbeat's codec.json.*.
func newJSON(info beat.Info, cfg *conf.C) (func() Encoder, error) {
	o := &jsonOptions{}
	if err := readOptions(cfg, o); err != nil {
		return nil, err
	}
	if o.Key != "" {
		return newJSONDate(o)
	}
	times := newTimeFormat()
	// The index of @metadata.beat is the Beat's name, as for the outputs that
	// have no index of their own (console, file).
	metadata := appendJSONString([]byte(`,"@metadata":{"beat":`), info.Beat)
	metadata = appendJSONString(append(metadata, `,"type":"_doc","version":`...), info.Version)
	metadata = append(metadata, ',')

	return func() Encoder {
		return &jsonEncoder{values: jsonValues{times: times}, metadata: string(metadata)}
	}, nil
}

// Document returns a function that makes Encoders of the event itself as JSON,
// whatever the format of an output.
func Document(info beat.Info) (func() Encoder, error) { return newJSON(info, nil) }

// DefaultFormat is the format of an output that sets none.
const DefaultFormat = "json"

func (e *jsonEncoder) Append(dst []byte, event *beat.Event) ([]byte, error) {
	return e.append(dst, event, nil, nil)
}

// AppendShared implements Sharing.
func (e *jsonEncoder) AppendShared(dst []byte, event *beat.Event, shared *sharedfields.Fields) ([]byte, error) {
	return e.AppendIdentified(dst, event, shared, nil)
}

// AppendIdentified implements Identifying.
func (e *jsonEncoder) AppendIdentified(dst []byte, event *beat.Event, shared *sharedfields.Fields, id []byte) ([]byte, error) {
	if shared == nil {
		return e.append(dst, event, nil, id)
	}
	members, err := shared.Members(func(fields mapstr.M) ([]byte, error) {
		return e.values.appendMembers(nil, fields, 1)
	})
	if err != nil {
		return dst, err
	}
	return e.append(dst, event, members, id)
}

// append appends the record of an event, with further members, each of which has a comma
// after it, and with an id, unless that is nil.
func (e *jsonEncoder) append(dst []byte, event *beat.Event, members, id []byte) ([]byte, error) {
	start := len(dst)
	record := append(dst, `{"@timestamp":`...)
	record = e.values.appendTime(record, event.Timestamp)
	record = append(record, e.metadata...)
	if id != nil {
		record = append(append(append(record, `"_id":"`...), id...), `",`...)
	}
	record, err := e.appendMeta(record, event)
	if err != nil {
		return dst[:start], err
	}
	record = append(append(closeObject(record), ','), members...)
	record, err = e.values.appendLine(record, event.Fields)
	if err != nil {
		return dst[:start], err
	}
	return closeObject(record), nil
}

// appendMeta appends the entries of the event's own metadata: usually none, or only the
// id. A lookup is faster than ranging over a map.
func (e *jsonEncoder) appendMeta(record []byte, event *beat.Event) ([]byte, error) {
	if len(event.Meta) == 1 {
		if id, ok := eventID(event).(string); ok {
			return append(appendJSONString(append(record, `"_id":`...), id), ','), nil
		}
	}
	return e.values.appendMembers(record, event.Meta, 1)
}

var _ Identifying = (*jsonEncoder)(nil)
