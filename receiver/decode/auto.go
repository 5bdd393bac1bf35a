// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package decode

import (
	"bytes"
	"errors"
	"unicode/utf8"

	"filebeat-websocket/receiver/internal/jsonscan"
)

// Auto is the format that detects the others.
const Auto = "auto"

func init() {
	register(Auto, formatKind{frames: allFrames, decode: decodeAuto})
}

// decodeAuto detects the format by the frame type and the beginning of the message:
// MessagePack in a binary one; objects one after the other, an array of objects, a
// form or LTSV as the output writes them; anything else is text. What begins like JSON
// but is not valid is text too, since a log line may begin with a bracket. So is an
// empty array: as JSON it has no record, and the line would be lost. CSV cannot be
// distinguished from text. A binary message that is not UTF-8 is not text: half a
// request would be stored as a meaningless line and confirmed.
func decodeAuto(m message, list *Records) error {
	if m.binary {
		if name := binaryFormat(m.data, list); name != "" {
			list.format = name
			return formats[name].decode(m, list)
		}
		if !utf8.Valid(m.data) {
			return errNotText
		}
	}
	err := decodeObjects(m, list)
	if err != nil && isTooDeep(err) {
		return decodeDeepLines(m, list, err)
	}
	if err == nil && len(list.records) > 0 {
		list.format = jsonFormat(m.data, list.records)
		return nil
	}
	list.reset()
	name := textFormat(m)
	list.format = name
	return formats[name].decode(m, list)
}

var errNotText = errors.New("binary message is neither UTF-8 nor whole MessagePack; for other text set the format raw")

// jsonFormat names the format for display: the records are the same in all of them.
func jsonFormat(data []byte, records [][]byte) string {
	last := data[len(data)-1]
	switch {
	case bytes.TrimLeft(data, " \t\r\n")[0] == '[':
		return "json_array"
	case last == '\n':
		return "json_lines"
	case len(records) > 1:
		return "json_stream"
	case bytes.HasPrefix(records[0], []byte(`{"version":"1.1"`)):
		return "gelf"
	case bytes.HasPrefix(records[0], []byte(`{"timestamp":"`)):
		return "log"
	}
	return "json"
}

// decodeDeepLines keeps the other lines of a message in which an object is nested too
// deep, if the message is objects, one per line. Otherwise it refuses the whole message,
// with problem.
func decodeDeepLines(m message, list *Records, problem error) error {
	list.reset()
	for line := range bytes.Lines(m.data) {
		s := jsonscan.Scanner{Data: line}
		if s.Space(); s.End() {
			continue
		}
		value, lineBreaks, err := s.Record()
		switch {
		case err == nil && s.End() && value[0] == '{':
			list.add(value, lineBreaks)
		case isTooDeep(err):
			list.refuse(problem)
		default:
			return problem
		}
	}
	if len(list.records) == 0 {
		return problem
	}
	list.format = "json_lines"
	return nil
}

func isTooDeep(err error) bool {
	deep, ok := errors.AsType[*jsonscan.Error](err)
	return ok && deep.TooDeep
}

var errNoObject = errors.New("not an object")

func decodeObjects(m message, list *Records) error {
	s := jsonscan.Scanner{Data: m.data}
	s.Space()
	var err error
	switch s.Next() {
	case '{':
		err = decodeJSONStream(m, list)
	case '[':
		err = decodeJSONArray(m, list)
	}
	if err != nil {
		return err
	}
	for _, record := range list.records {
		if record[0] != '{' {
			return errNoObject
		}
	}
	return nil
}
