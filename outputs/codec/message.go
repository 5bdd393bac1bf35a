// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"github.com/elastic/beats/v7/libbeat/beat"
)

// messageField is the field that holds the log line.
const messageField = "message"

// MessageLen returns the length of the event's line in bytes, and whether the
// event has one. A message that is neither a string nor bytes has no length.
func MessageLen(event *beat.Event) (lineBytes int, ok bool) {
	switch line := event.Fields[messageField].(type) {
	case string:
		return len(line), true
	case []byte:
		return len(line), true
	default:
		return 0, false
	}
}

// messageReader reads the line of events. It is used by one goroutine at a
// time.
type messageReader struct {
	values jsonValues
}

// read returns the line of event. Bytes are taken as they are; another scalar is
// the text that the json codec writes for it. It is an error if the field is
// missing, null, a list or an object.
func (m *messageReader) read(event *beat.Event) (string, error) {
	switch line := event.Fields[messageField].(type) {
	case string:
		return line, nil
	case []byte:
		if line == nil {
			return "", errNoMessage
		}
		return string(line), nil
	case nil:
		return "", errNoMessage
	default:
		return m.scalarText(line)
	}
}

func (m *messageReader) scalarText(v any) (string, error) {
	text, kind, err := m.values.appendText(nil, v, 1)
	if err != nil || kind == textNull || kind == textList || kind == textObject {
		return "", errNoMessage
	}
	return string(text), nil
}
