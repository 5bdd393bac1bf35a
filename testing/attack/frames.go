// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package attack

import (
	"bufio"
	"encoding/binary"
	"net/http"
	"slices"

	"filebeat-websocket/protocol"
)

// First bytes of frames, RFC 6455 5.2 and RFC 7692 6.
const (
	textMessage       = 0x81
	binaryMessage     = 0x82
	compressedMessage = 0xC1 // of text
	beginOfText       = 0x01
	continuation      = 0x00
	ping              = 0x89
)

const upgradeHeaders = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
	"Sec-WebSocket-Protocol: " + protocol.Subprotocol + "\r\nSec-WebSocket-Extensions: permessage-deflate"

// upgrade makes it a WebSocket connection, and reports whether it is one. What the
// listener sends right behind its answer is lost, as with anybody who does not read.
func (c *client) upgrade() bool {
	if _, err := c.Write(c.request(http.MethodGet, c.target.Path, upgradeHeaders, c.authorization())); err != nil {
		return false
	}
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return false
	}
	_ = answer.Body.Close()
	return answer.StatusCode == http.StatusSwitchingProtocols
}

// frame returns a frame, masked with zeros, with as much of its payload as there is,
// and any length in its header.
func frame(first byte, length uint64, payload []byte) []byte {
	header := []byte{first}
	switch {
	case length < 126:
		header = append(header, 0x80|byte(length))
	case length < 1<<16:
		header = binary.BigEndian.AppendUint16(append(header, 0x80|126), uint16(length))
	default:
		header = binary.BigEndian.AppendUint64(append(header, 0x80|127), length)
	}
	return slices.Concat(header, make([]byte, 4), payload)
}

// whole returns a frame with all of its payload.
func whole(first byte, payload []byte) []byte { return frame(first, uint64(len(payload)), payload) }
