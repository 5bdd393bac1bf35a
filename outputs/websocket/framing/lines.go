// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package framing

func init() { Register("lines", lines{}) }

// lines puts a newline after every record, the last one too.
type lines struct{}

func (lines) Single() bool { return false }

func (lines) Size(records, recordBytes int) int { return recordBytes + records }

func (lines) Append(dst []byte, records [][]byte) []byte {
	for _, record := range records {
		dst = append(dst, record...)
		dst = append(dst, '\n')
	}
	return dst
}
