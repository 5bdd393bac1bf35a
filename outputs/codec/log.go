// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"time"

	"github.com/elastic/beats/v7/libbeat/beat"
	conf "github.com/elastic/elastic-agent-libs/config"
)

func init() {
	Register("log", Kind{New: newLog, Framings: []string{"message", "lines", "array", "concat"}})
}

// logEncoder writes the time of the event and its line, without other fields.
type logEncoder struct {
	messages messageReader
}

// newLog makes the log codec, which has no options.
func newLog(_ beat.Info, cfg *conf.C) (func() Encoder, error) {
	if err := readOptions(cfg, &noOptions{}); err != nil {
		return nil, err
	}
	times := newTimeFormat()
	return func() Encoder {
		return &logEncoder{messages: messageReader{values: jsonValues{times: times}}}
	}, nil
}

func (e *logEncoder) Append(dst []byte, event *beat.Event) ([]byte, error) {
	line, err := e.messages.read(event)
	if err != nil {
		return dst, err
	}
	dst = append(dst, `{"timestamp":"`...)
	dst = event.Timestamp.UTC().AppendFormat(dst, time.RFC3339Nano)
	dst = append(dst, `","message":`...)
	return append(appendJSONString(dst, line), '}'), nil
}

var _ Encoder = (*logEncoder)(nil)
