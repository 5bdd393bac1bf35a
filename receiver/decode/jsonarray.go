// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package decode

func init() {
	register("json_array", formatKind{decode: decodeJSONArray})
}

// decodeJSONArray: an array, each element a record.
func decodeJSONArray(m message, list *Records) error {
	s := scanner{data: m.data}
	s.space()
	if !s.take('[') {
		return s.fail()
	}
	s.space()
	if !s.take(']') {
		for {
			value, lineBreaks, err := s.record()
			if err != nil {
				return err
			}
			list.add(value, lineBreaks)
			if s.take(']') {
				break
			}
			if !s.take(',') {
				return s.fail()
			}
		}
	}
	if s.space(); !s.end() {
		return s.fail()
	}
	return nil
}
