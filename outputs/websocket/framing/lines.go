// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package framing

func init() { Register("lines", linesFraming{}) }

// linesFraming puts a newline after every record, the last one too.
type linesFraming struct{}

func (linesFraming) Single() bool { return false }

func (linesFraming) Size(records, recordBytes int) int { return recordBytes + records }

func (linesFraming) Append(dst []byte, records [][]byte) []byte {
	for _, record := range records {
		dst = append(dst, record...)
		dst = append(dst, '\n')
	}
	return dst
}
