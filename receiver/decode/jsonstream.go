// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package decode

import "filebeat-websocket/receiver/internal/jsonscan"

func init() {
	register("json_stream", formatKind{decode: decodeJSONStream})
}

// decodeJSONStream: JSON values one after the other, with nothing or white
// space between them. Only numbers and literals need the white space.
func decodeJSONStream(m message, list *Records) error {
	s := jsonscan.Scanner{Data: m.data}
	for s.Space(); !s.End(); {
		value, lineBreaks, err := s.Record()
		if err != nil {
			return err
		}
		list.add(value, lineBreaks)
	}
	return nil
}
