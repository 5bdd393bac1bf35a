// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"github.com/elastic/beats/v7/libbeat/beat"
	conf "github.com/elastic/elastic-agent-libs/config"

	"filebeat-websocket/outputs/sharedfields"
)

func init() {
	Register("raw", Kind{New: newRaw, Framings: []string{"message", "lines"}, Replaceable: true})
}

// rawEncoder writes the line byte for byte, so its record may not be valid UTF-8:
// an output that sends it as text has to replace what is not.
type rawEncoder struct {
	messages messageReader
}

// newRaw makes the raw codec, which has no options.
func newRaw(_ beat.Info, cfg *conf.C) (func() Encoder, error) {
	if err := readOptions(cfg, &noOptions{}); err != nil {
		return nil, err
	}
	times := newTimeFormat()
	return func() Encoder {
		return &rawEncoder{messages: messageReader{values: jsonValues{times: times}}}
	}, nil
}

func (e *rawEncoder) Append(dst []byte, event *beat.Event) ([]byte, error) {
	line, err := e.messages.read(event)
	if err != nil {
		return dst, err
	}
	return append(dst, line...), nil
}

// AppendShared implements Sharing. The line is not among the shared fields.
func (e *rawEncoder) AppendShared(dst []byte, event *beat.Event, _ *sharedfields.Fields) ([]byte, error) {
	return e.Append(dst, event)
}

var _ Sharing = (*rawEncoder)(nil)
