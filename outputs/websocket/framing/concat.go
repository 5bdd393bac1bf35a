// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package framing

func init() { Register("concat", concat{}) }

// concat puts records one behind the other with nothing between them. It fits
// records whose end can be told from their bytes, such as JSON objects.
type concat struct{}

func (concat) Single() bool { return false }

func (concat) Size(_, recordBytes int) int { return recordBytes }

func (concat) Append(dst []byte, records [][]byte) []byte {
	for _, record := range records {
		dst = append(dst, record...)
	}
	return dst
}
