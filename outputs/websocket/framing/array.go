// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package framing

func init() { Register("array", array{}) }

// array is a JSON array of records, with no newline at the end.
type array struct{}

func (array) Single() bool { return false }

// Size counts the two brackets and a comma between each two records.
func (array) Size(records, recordBytes int) int {
	return recordBytes + 2 + max(records-1, 0)
}

func (array) Append(dst []byte, records [][]byte) []byte {
	dst = append(dst, '[')
	for i, record := range records {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, record...)
	}
	return append(dst, ']')
}
