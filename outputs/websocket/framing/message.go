// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package framing

func init() { Register("message", message{}) }

// message is one record per message, as it is.
type message struct{}

func (message) Single() bool { return true }

func (message) Size(_, recordBytes int) int { return recordBytes }

func (message) Append(dst []byte, records [][]byte) []byte {
	return append(dst, records[0]...)
}
