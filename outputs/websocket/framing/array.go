// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package framing

func init() { Register("array", arrayFraming{}) }

// arrayFraming is a JSON array of records, with no newline at the end.
type arrayFraming struct{}

func (arrayFraming) Single() bool { return false }

// Size adds the two brackets and the commas between records.
func (arrayFraming) Size(records, recordBytes int) int {
	return recordBytes + 2 + max(records-1, 0)
}

func (arrayFraming) Append(dst []byte, records [][]byte) []byte {
	dst = append(dst, '[')
	for i, record := range records {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, record...)
	}
	return append(dst, ']')
}
