// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package decode

import "filebeat-websocket/receiver/internal/jsonscan"

func init() {
	register("json", formatKind{decode: decodeJSON})
	register("log", formatKind{decode: decodeJSON}) // other fields, the same bytes
}

// decodeJSON: the message is one JSON value.
func decodeJSON(m message, list *Records) error {
	s := jsonscan.Scanner{Data: m.data}
	value, lineBreaks, err := s.Record()
	if err != nil {
		return err
	}
	if !s.End() {
		return s.Fail()
	}
	list.add(value, lineBreaks)
	return nil
}
