// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"github.com/elastic/beats/v7/libbeat/beat"
	conf "github.com/elastic/elastic-agent-libs/config"
)

func init() {
	Register("forward", Kind{
		New:          newForward,
		Framings:     []string{"forward"},
		Binary:       true,
		OnlyAsFormat: "entries of Fluent Forward are what format: forward sends, with requests around them",
	})
}

// entryEncoder writes an entry of Fluent Forward: [EventTime, record].
type entryEncoder struct {
	values msgpackValues
}

// newForward makes the forward codec, which has no options. The framing writes tags and
// requests.
func newForward(_ beat.Info, cfg *conf.C) (func() Encoder, error) {
	if err := readOptions(cfg, &noOptions{}); err != nil {
		return nil, err
	}
	return newEntries()
}

func newEntries() (func() Encoder, error) {
	times := newTimeFormat()
	return func() Encoder {
		return &entryEncoder{values: msgpackValues{json: jsonValues{times: times}}}
	}, nil
}

func (e *entryEncoder) Append(dst []byte, event *beat.Event) ([]byte, error) {
	record := appendEventTime(append(dst, arrayOfTwo), event.Timestamp)
	record, err := e.values.appendRecord(record, event)
	if err != nil {
		return dst, err
	}
	return record, nil
}

var _ Encoder = (*entryEncoder)(nil)
