// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"github.com/elastic/beats/v7/libbeat/beat"
	conf "github.com/elastic/elastic-agent-libs/config"
)

func init() {
	Register("form", Kind{New: newForm, Framings: []string{"message"}})
}

// formEncoder writes the event as application/x-www-form-urlencoded (WHATWG URL
// 5.2): @timestamp first, then the fields. A field of that name is left out.
type formEncoder struct {
	times timeFormat
}

// newForm makes the form codec, which has no options.
func newForm(_ beat.Info, cfg *conf.C) (func() Encoder, error) {
	if err := readOptions(cfg, &noOptions{}); err != nil {
		return nil, err
	}
	times := newTimeFormat()
	return func() Encoder { return &formEncoder{times: times} }, nil
}

func (e *formEncoder) Append(dst []byte, event *beat.Event) ([]byte, error) {
	f, err := flatten(event, e.times, '.', true)
	if err != nil {
		return dst, err
	}
	defer f.release()

	dst = append(appendPercent(dst, timestampField), '=')
	start := len(f.buffer)
	f.buffer = e.times.append(f.buffer, event.Timestamp)
	dst = appendPercent(dst, f.buffer[start:])
	for i := range f.leaves {
		l := &f.leaves[i]
		name := f.nameOf(l)
		if string(name) == timestampField {
			continue
		}
		dst = append(appendPercent(append(dst, '&'), name), '=')
		if l.ownText != "" {
			dst = appendPercent(dst, l.ownText)
		} else {
			dst = appendPercent(dst, f.textOf(l))
		}
	}
	return dst, nil
}

var _ Encoder = (*formEncoder)(nil)
