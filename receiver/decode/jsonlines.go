// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package decode

import (
	"bytes"
	"fmt"

	"filebeat-websocket/receiver/internal/jsonscan"
)

func init() {
	register("json_lines", formatKind{decode: decodeJSONLines})
}

// decodeJSONLines: one JSON value per line. Lines of white space are skipped, and the last
// line break may be missing. A bad line is one bad record, because a well-formed record
// contains no line break.
func decodeJSONLines(m message, list *Records) error {
	rest := m.data
	for number := 1; len(rest) > 0; number++ {
		line := rest
		if at := bytes.IndexByte(rest, '\n'); at >= 0 {
			line, rest = rest[:at], rest[at+1:]
		} else {
			rest = nil
		}
		s := jsonscan.Scanner{Data: line}
		if s.Space(); s.End() {
			continue
		}
		value, lineBreaks, err := s.Record()
		if err == nil && !s.End() {
			err = s.Fail()
		}
		if err != nil {
			list.refuse(fmt.Errorf("line %d: %w", number, err))
			continue
		}
		list.add(value, lineBreaks)
	}
	return nil
}
