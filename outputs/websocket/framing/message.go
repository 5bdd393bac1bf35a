// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package framing

func init() { Register("message", messageFraming{}) }

// messageFraming is one record per message, as it is.
type messageFraming struct{}

func (messageFraming) Single() bool { return true }

func (messageFraming) Size(_, recordBytes int) int { return recordBytes }

func (messageFraming) Append(dst []byte, records [][]byte) []byte {
	return append(dst, records[0]...)
}
