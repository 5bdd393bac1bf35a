// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package rfc6455

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Side is the side that is under test.
type Side string

// The two sides.
const (
	Server Side = "server"
	Client Side = "client"
)

// Bits and opcodes of the first byte (5.2).
const (
	fin          = 0x80
	rsv1         = 0x40
	rsv2         = 0x20
	rsv3         = 0x10
	continuation = 0x0
	text         = 0x1
	binaryData   = 0x2
	closeFrame   = 0x8
	ping         = 0x9
	pong         = 0xa
)

// frame is a frame as it is sent to the side under test, maybe a wrong one.
type frame struct {
	first     byte
	payload   string
	width     int    // bytes of the extended length: 2 or 8; 0 for the shortest
	claims    uint64 // the length that the header has, if it is not that of the payload
	wrongMask bool   // masked by a server, or not masked by a client
	zeroMask  bool   // with a key of zeros
}

// bytes returns the frame as it is sent to that side.
func (f frame) bytes(to Side) []byte {
	length := uint64(len(f.payload))
	if f.claims != 0 {
		length = f.claims
	}
	mask := byte(0)
	isMasked := (to == Server) != f.wrongMask
	if isMasked {
		mask = 0x80
	}
	b := []byte{f.first}
	switch {
	case f.width == 8 || f.width == 0 && length > 0xffff:
		b = binary.BigEndian.AppendUint64(append(b, mask|127), length)
	case f.width == 2 || f.width == 0 && length > 125:
		b = binary.BigEndian.AppendUint16(append(b, mask|126), uint16(length))
	default:
		b = append(b, mask|byte(length))
	}
	if !isMasked {
		return append(b, f.payload...)
	}
	key := []byte{0x37, 0xfa, 0x21, 0x3d}
	if f.zeroMask {
		clear(key)
	}
	b = append(b, key...)
	for i := range len(f.payload) {
		b = append(b, f.payload[i]^key[i%4])
	}
	return b
}

func closing(code uint16, reason string) frame {
	return frame{first: fin | closeFrame, payload: string(binary.BigEndian.AppendUint16(nil, code)) + reason}
}

// deflated compresses a message by itself (RFC 7692 7.2.1).
func deflated(message string) string {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.DefaultCompression)
	if err == nil {
		_, err = io.WriteString(w, message)
	}
	if err == nil {
		err = w.Flush()
	}
	if err != nil {
		panic(err) // a buffer takes everything
	}
	return string(bytes.TrimSuffix(b.Bytes(), []byte{0, 0, 0xff, 0xff}))
}

// maxInflated bounds what a peer may make of an echo.
const maxInflated = 4 << 20

func inflated(payload []byte) (string, error) {
	// The second block is the last one, so that the reader does not miss an end.
	tail := "\x00\x00\xff\xff\x01\x00\x00\xff\xff"
	message, err := io.ReadAll(io.LimitReader(flate.NewReader(io.MultiReader(bytes.NewReader(payload), bytes.NewReader([]byte(tail)))), maxInflated))
	return string(message), err
}

// received is a frame of the side under test.
type received struct {
	first   byte
	payload []byte
}

var errFrame = errors.New("a frame that RFC 6455 forbids")

// readFrame reads a frame from that side.
func readFrame(in *bufio.Reader, from Side) (received, error) {
	var head [14]byte
	if _, err := io.ReadFull(in, head[:2]); err != nil {
		return received{}, err
	}
	if isMasked := head[1]&0x80 != 0; isMasked != (from == Client) {
		return received{}, fmt.Errorf("%w: masked: %v", errFrame, isMasked)
	}
	length := uint64(head[1] & 0x7f)
	var err error
	switch length {
	case 126:
		_, err = io.ReadFull(in, head[2:4])
		length = uint64(binary.BigEndian.Uint16(head[2:]))
	case 127:
		_, err = io.ReadFull(in, head[2:10])
		length = binary.BigEndian.Uint64(head[2:])
	}
	if err != nil {
		return received{}, err
	}
	if length > maxInflated {
		return received{}, fmt.Errorf("%w: %d bytes", errFrame, length)
	}
	var key [4]byte
	if from == Client {
		if _, err := io.ReadFull(in, key[:]); err != nil {
			return received{}, err
		}
	}
	payload := make([]byte, length)
	if _, err := io.ReadFull(in, payload); err != nil {
		return received{}, err
	}
	for i := range payload {
		payload[i] ^= key[i%4]
	}
	return received{head[0], payload}, nil
}
