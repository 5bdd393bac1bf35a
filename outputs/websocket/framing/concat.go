// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package framing

func init() { Register("concat", concatFraming{}) }

// concatFraming joins records without a separator. It fits records whose bytes show
// where they end, such as JSON objects.
type concatFraming struct{}

func (concatFraming) Single() bool { return false }

func (concatFraming) Size(_, recordBytes int) int { return recordBytes }

func (concatFraming) Append(dst []byte, records [][]byte) []byte {
	for _, record := range records {
		dst = append(dst, record...)
	}
	return dst
}
