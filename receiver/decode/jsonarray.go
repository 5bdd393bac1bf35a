// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package decode

import "filebeat-websocket/receiver/internal/jsonscan"

func init() {
	register("json_array", formatKind{decode: decodeJSONArray})
}

// decodeJSONArray: an array, each element a record.
func decodeJSONArray(m message, list *Records) error {
	s := jsonscan.Scanner{Data: m.data}
	s.Space()
	if !s.Take('[') {
		return s.Fail()
	}
	s.Space()
	if !s.Take(']') {
		for {
			value, lineBreaks, err := s.Record()
			if err != nil {
				return err
			}
			list.add(value, lineBreaks)
			if s.Take(']') {
				break
			}
			if !s.Take(',') {
				return s.Fail()
			}
		}
	}
	if s.Space(); !s.End() {
		return s.Fail()
	}
	return nil
}
