// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package decode

func init() {
	register("json", formatKind{decode: decodeJSON})
	register("log", formatKind{decode: decodeJSON}) // other fields, the same bytes
}

// decodeJSON: the message is one JSON value.
func decodeJSON(m message, list *Records) error {
	s := scanner{data: m.data}
	value, lineBreaks, err := s.record()
	if err != nil {
		return err
	}
	if !s.end() {
		return s.fail()
	}
	list.add(value, lineBreaks)
	return nil
}
