// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package decode

import "bytes"

func init() {
	register("raw_lines", formatKind{frames: allFrames, decode: decodeRawLines})
}

// decodeRawLines: any text. Each line becomes the field "message" of a record. Empty
// lines are skipped.
func decodeRawLines(m message, list *Records) error {
	if !list.room(maxEscaped * len(m.data)) {
		return errMemory
	}
	for line := range bytes.Lines(m.data) {
		line = endOfLine(line)
		if len(line) == 0 {
			continue
		}
		if err := list.wroteText(line, m.options); err != nil {
			return err
		}
	}
	return nil
}
