// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"fmt"

	"github.com/elastic/beats/v7/libbeat/beat"
	conf "github.com/elastic/elastic-agent-libs/config"
)

func init() {
	Register("msgpack", Kind{
		New:      newMsgpack,
		Framings: []string{"message", "concat"},
		Formats:  map[string]string{"msgpack": "concat"},
		Options:  func() Options { return defaultMsgpackOptions() },
		Binary:   true,
	})
}

// msgpackOptions are the options of the msgpack codec.
type msgpackOptions struct {
	// Version is 2 for [[time, metadata], record], which is the default, or 1 for
	// [time, record].
	Version int `config:"version"`
}

func defaultMsgpackOptions() *msgpackOptions { return &msgpackOptions{Version: 2} }

// Validate returns an error that names the setting at fault.
func (o *msgpackOptions) Validate() error {
	if o.Version != 1 && o.Version != 2 {
		return fmt.Errorf("version: must be 1 or 2, is %d", o.Version)
	}
	return nil
}

// arrayOfTwo is the header of a MessagePack array with two entries.
const arrayOfTwo = 0x92

// msgpackEncoder writes what Fluent Bit's websocket output sends: the time, with
// metadata beside it since version 2, then the fields of the event.
type msgpackEncoder struct {
	values msgpackValues
}

func newMsgpack(_ beat.Info, cfg *conf.C) (func() Encoder, error) {
	o := defaultMsgpackOptions()
	if err := readOptions(cfg, o); err != nil {
		return nil, err
	}
	if o.Version == 1 {
		return newEntries()
	}
	times := newTimeFormat()
	return func() Encoder {
		return &msgpackEncoder{values: msgpackValues{json: jsonValues{times: times}}}
	}, nil
}

func (e *msgpackEncoder) Append(dst []byte, event *beat.Event) ([]byte, error) {
	record := appendEventTime(append(dst, arrayOfTwo, arrayOfTwo), event.Timestamp)
	record, err := e.values.appendMap(record, event.Meta, 1)
	if err != nil {
		return dst, err
	}
	record, err = e.values.appendMap(record, event.Fields, 1)
	if err != nil {
		return dst, err
	}
	return record, nil
}

var _ Encoder = (*msgpackEncoder)(nil)
