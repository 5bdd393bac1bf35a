// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"encoding/binary"
	"math/rand/v2"
)

// Opcodes (RFC 6455 5.2).
const (
	opContinuation byte = 0x0
	opText         byte = 0x1
	opBinary       byte = 0x2
	opClose        byte = 0x8
	opPing         byte = 0x9
	opPong         byte = 0xA
)

const (
	finBit  byte = 0x80
	maskBit byte = 0x80
	// compressedBit is RSV1 of the first frame of a message (RFC 7692 6), in the byte
	// of the opcode.
	compressedBit byte = 0x40

	// maxControlBytes is the longest payload of a control frame (RFC 6455 5.5).
	maxControlBytes = 125

	// maxHeaderBytes is the longest header of a masked frame: 2 bytes, a 64-bit
	// length and the masking key (RFC 6455 5.2).
	maxHeaderBytes = 2 + 8 + 4
)

// appendHeader appends the header of a masked frame with a fresh key and
// returns the key. The key comes from the runtime's ChaCha8 generator, seeded by
// the operating system: unpredictable, as RFC 6455 10.3 demands.
func appendHeader(dst []byte, fin bool, opcode byte, payloadBytes int) ([]byte, uint32) {
	first := opcode
	if fin {
		first |= finBit
	}
	switch {
	case payloadBytes <= 125:
		dst = append(dst, first, maskBit|byte(payloadBytes))
	case payloadBytes <= 0xFFFF:
		dst = append(dst, first, maskBit|126)
		dst = binary.BigEndian.AppendUint16(dst, uint16(payloadBytes))
	default:
		dst = append(dst, first, maskBit|127)
		dst = binary.BigEndian.AppendUint64(dst, uint64(payloadBytes))
	}
	key := rand.Uint32()
	return binary.LittleEndian.AppendUint32(dst, key), key
}

// appendFrame appends a whole masked frame to dst.
func appendFrame(dst []byte, fin bool, opcode byte, payload []byte) []byte {
	dst, key := appendHeader(dst, fin, opcode, len(payload))
	start := len(dst)
	dst = append(dst, payload...)
	mask(dst[start:], key)
	return dst
}

// appendFrameOf appends a whole masked frame whose payload appendTo appends in
// place, and returns the length of the payload, at maxBytes bytes.
func appendFrameOf(dst []byte, opcode byte, maxBytes int, appendTo func(dst []byte) []byte) (frames []byte, payloadBytes int) {
	start := len(dst)
	dst, key := appendHeader(dst, true, opcode, maxBytes)
	body := len(dst)
	dst = appendTo(dst)
	payloadBytes = len(dst) - body
	if payloadBytes < maxBytes {
		// The length must have its shortest form (RFC 6455 5.2), so the header may become
		// shorter, and the payload moves up to it.
		var header []byte
		header, key = appendHeader(dst[:start], true, opcode, payloadBytes)
		copy(dst[len(header):], dst[body:])
		body, dst = len(header), dst[:len(header)+payloadBytes]
	}
	mask(dst[body:], key)
	return dst, payloadBytes
}

// mask applies the masking key to payload in place (RFC 6455 5.3). The key's
// least significant byte is its first on the wire.
func mask(payload []byte, key uint32) {
	wide := uint64(key)<<32 | uint64(key)
	for len(payload) >= 32 {
		p := payload[:32]
		binary.LittleEndian.PutUint64(p[0:], binary.LittleEndian.Uint64(p[0:])^wide)
		binary.LittleEndian.PutUint64(p[8:], binary.LittleEndian.Uint64(p[8:])^wide)
		binary.LittleEndian.PutUint64(p[16:], binary.LittleEndian.Uint64(p[16:])^wide)
		binary.LittleEndian.PutUint64(p[24:], binary.LittleEndian.Uint64(p[24:])^wide)
		payload = payload[32:]
	}
	for len(payload) >= 8 {
		binary.LittleEndian.PutUint64(payload, binary.LittleEndian.Uint64(payload)^wide)
		payload = payload[8:]
	}
	for i := range payload {
		payload[i] ^= byte(wide >> (8 * i))
	}
}
