// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
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
		return err
	}
	if err == nil && len(list.records) > 0 {
		return nil
	}
	list.reset()
	return decodeRaw(m, list)
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
