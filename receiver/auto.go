// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"bytes"
	"errors"
	"unicode/utf8"
)

const formatAuto = "auto"

func init() {
	register(formatAuto, format{binary: true, decode: decodeAuto})
}

// decodeAuto tells formats apart by what the message begins with: objects one
// after the other, an array of objects, or else text. What begins like JSON and
// is none is text too, since nothing keeps a log line from beginning with a
// bracket. So is an empty array: taken for one, it would be a line lost.
func decodeAuto(m message, list *recordList) error {
	err := decodeObjects(m, list)
	if tooDeep := (*jsonError)(nil); errors.As(err, &tooDeep) && tooDeep.tooDeep {
		return decodeDeepLines(m, list, err)
	}
	if err == nil && len(list.records) > 0 {
		return nil
	}
	list.reset()
	return decodeRaw(m, list)
}

// decodeDeepLines saves the other lines of a message with an object that is
// nested too deep, if all of it is objects, one a line; otherwise the message is
// refused as a whole, with problem.
func decodeDeepLines(m message, list *recordList, problem error) error {
	list.reset()
	for line := range bytes.Lines(m.data) {
		s := scanner{data: line}
		if s.space(); s.end() {
			continue
		}
		value, lineBreaks, err := s.record()
		deep := (*jsonError)(nil)
		switch {
		case err == nil && s.end() && value[0] == '{':
			list.add(value, lineBreaks)
		case errors.As(err, &deep) && deep.tooDeep:
			list.refuse(problem)
		default:
			return problem
		}
	}
	if len(list.records) == 0 {
		return problem
	}
	return nil
}

var errNoObject = errors.New("not an object")

func decodeObjects(m message, list *recordList) error {
	if m.binary && !utf8.Valid(m.data) {
		return errNoObject // JSON is UTF-8, RFC 8259 8.1
	}
	s := scanner{data: m.data}
	s.space()
	var err error
	switch s.next() {
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
