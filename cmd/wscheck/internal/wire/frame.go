// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"encoding/binary"
	"math/rand/v2"
)

// Opcodes of RFC 6455 5.2.
const (
	Continuation byte = 0x0
	Text         byte = 0x1
	Binary       byte = 0x2
	Close        byte = 0x8
	Ping         byte = 0x9
	Pong         byte = 0xA
)

const maxControlBytes = 125 // RFC 6455 5.5

// Frame is a frame to be sent. The zero value is the last fragment of a message.
type Frame struct {
	Opcode   byte
	More     bool // more fragments of the message follow: FIN is not set
	Deflated bool // RSV1 (RFC 7692 6)
	Bare     bool // without a mask, which a server has to refuse
	Payload  []byte
}

// Append appends the frame to dst, with a new mask.
func (f Frame) Append(dst []byte) []byte {
	dst = f.AppendHead(dst, len(f.Payload))
	if f.Bare {
		return append(dst, f.Payload...)
	}
	var key [4]byte
	binary.LittleEndian.PutUint32(key[:], rand.Uint32())
	dst = append(dst, key[:]...)
	for i, b := range f.Payload {
		dst = append(dst, b^key[i&3])
	}
	return dst
}

// AppendHead appends what stands before the mask and the payload, for a payload of that
// length, which need not be the one of the frame.
func (f Frame) AppendHead(dst []byte, length int) []byte {
	first, mask := f.Opcode, byte(0x80)
	if !f.More {
		first |= 0x80
	}
	if f.Deflated {
		first |= 0x40
	}
	if f.Bare {
		mask = 0
	}
	switch {
	case length < 126:
		return append(dst, first, mask|byte(length))
	case length <= 0xffff:
		return binary.BigEndian.AppendUint16(append(dst, first, mask|126), uint16(length))
	default:
		return binary.BigEndian.AppendUint64(append(dst, first, mask|127), uint64(length))
	}
}

// ClosePayload is the payload of a Close frame.
func ClosePayload(code int, reason string) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(code)), reason...)
}
