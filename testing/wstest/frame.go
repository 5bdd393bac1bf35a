// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package wstest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Opcodes of RFC 6455 5.2.
const (
	opContinuation byte = 0x0
	opText         byte = 0x1
	opBinary       byte = 0x2
	opClose        byte = 0x8
	opPing         byte = 0x9
	opPong         byte = 0xA
)

// Close codes of RFC 6455 7.4.1 that the server itself uses.
const (
	closeGoingAway     = 1001
	closeProtocolError = 1002
	closeNoStatus      = 1005
	closeInvalidData   = 1007
	closeTooBig        = 1009
)

const (
	// readBufferBytes is how much a reader asks of the kernel at once. A client
	// that coalesces small frames then costs a few hundred of them per call.
	readBufferBytes = 64 << 10
	// maxMessageBytes is far beyond what a client under test should send, and
	// keeps a wrong length from taking all memory.
	maxMessageBytes = 64 << 20
	// maxControlBytes is RFC 6455 5.5.
	maxControlBytes = 125
)

// protocolError is a violation of RFC 6455 by the client, with the code of the
// Close frame that answers it.
type protocolError struct {
	code   int
	reason string
}

func (e *protocolError) Error() string { return e.reason }

func violated(code int, format string, args ...any) error {
	return &protocolError{code: code, reason: fmt.Sprintf(format, args...)}
}

// frame is one frame, unmasked. payload belongs to the frameReader and is valid
// until its next call.
type frame struct {
	fin     bool
	opcode  byte
	payload []byte
}

// frameReader cuts what a client sends into frames.
type frameReader struct {
	src  io.Reader
	idle func() // called before a Read that may block
	bare bool   // frames without a mask are taken, too

	buf        []byte
	start, end int // buf[start:end] was read and not yet handed out
}

// next returns the next frame. io.EOF and other errors of src come as they are,
// io.ErrUnexpectedEOF in the middle of a frame, a *protocolError for a frame
// that a client must not send.
func (r *frameReader) next() (frame, error) {
	head, err := r.need(2)
	if err != nil {
		return frame{}, err
	}
	f := frame{fin: head[0]&0x80 != 0, opcode: head[0] & 0x0f}
	size, headBytes := uint64(head[1]&0x7f), 2
	if head[0]&0x70 != 0 {
		return frame{}, violated(closeProtocolError, "reserved bits %#x without an extension", head[0]&0x70)
	}
	maskBytes := 4
	if head[1]&0x80 == 0 {
		if !r.bare {
			return frame{}, violated(closeProtocolError, "frame is not masked")
		}
		maskBytes = 0
	}
	if f.opcode >= opClose && (size > maxControlBytes || !f.fin) {
		return frame{}, violated(closeProtocolError, "control frame is fragmented or longer than %d bytes", maxControlBytes)
	}
	switch size {
	case 126:
		headBytes += 2
		if head, err = r.need(headBytes); err != nil {
			return frame{}, midFrame(err)
		}
		size = uint64(binary.BigEndian.Uint16(head[2:]))
		if size < 126 {
			return frame{}, violated(closeProtocolError, "length %d is not in its shortest form", size)
		}
	case 127:
		headBytes += 8
		if head, err = r.need(headBytes); err != nil {
			return frame{}, midFrame(err)
		}
		size = binary.BigEndian.Uint64(head[2:])
		if size <= 0xffff || size>>63 != 0 {
			return frame{}, violated(closeProtocolError, "length %d is not in its shortest form", size)
		}
	}
	if size > maxMessageBytes {
		return frame{}, violated(closeTooBig, "frame of %d bytes", size)
	}
	headBytes += maskBytes
	whole, err := r.need(headBytes + int(size))
	if err != nil {
		return frame{}, midFrame(err)
	}
	f.payload = whole[headBytes : headBytes+int(size)]
	if maskBytes > 0 {
		unmask(f.payload, [4]byte(whole[headBytes-maskBytes:]))
	}
	r.start += headBytes + int(size)
	return f, nil
}

// need returns what is buffered, after reading until that is at least n bytes.
func (r *frameReader) need(n int) ([]byte, error) {
	for r.end-r.start < n {
		if r.start == r.end {
			r.start, r.end = 0, 0
		}
		if r.end == len(r.buf) || r.start > len(r.buf)/2 {
			r.makeRoom()
		}
		if r.idle != nil {
			r.idle()
		}
		got, err := r.src.Read(r.buf[r.end:])
		r.end += got
		if err != nil && r.end-r.start < n {
			if errors.Is(err, io.EOF) && r.end > r.start {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
	return r.buf[r.start:r.end], nil
}

// makeRoom moves the buffered bytes to the front of the buffer, or of one twice
// as long if they fill more than half of it. So the buffer grows with what came,
// not with the length that a frame claims. It never shrinks: connections of a
// test are few.
func (r *frameReader) makeRoom() {
	to := r.buf
	if r.end-r.start >= len(to)/2 {
		to = make([]byte, max(2*len(to), readBufferBytes))
	}
	copy(to, r.buf[r.start:r.end])
	r.buf, r.start, r.end = to, 0, r.end-r.start
}

func midFrame(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// unmask is RFC 6455 5.3, eight bytes at a time.
func unmask(payload []byte, key [4]byte) {
	k := uint64(binary.LittleEndian.Uint32(key[:]))
	k |= k << 32
	for len(payload) >= 8 {
		binary.LittleEndian.PutUint64(payload, binary.LittleEndian.Uint64(payload)^k)
		payload = payload[8:]
	}
	for i := range payload {
		payload[i] ^= key[i&3]
	}
}

// appendFrame appends an unfragmented frame of a server, which masks nothing
// (RFC 6455 5.1).
func appendFrame(to []byte, opcode byte, payload []byte) []byte {
	to = append(to, 0x80|opcode)
	switch size := len(payload); {
	case size < 126:
		to = append(to, byte(size))
	case size <= 0xffff:
		to = binary.BigEndian.AppendUint16(append(to, 126), uint16(size))
	default:
		to = binary.BigEndian.AppendUint64(append(to, 127), uint64(size))
	}
	return append(to, payload...)
}

// closePayload is the body of a Close frame; code 0 gives an empty one.
func closePayload(code int, reason string) []byte {
	if code == 0 {
		return nil
	}
	return append(binary.BigEndian.AppendUint16(nil, uint16(code)), reason...)
}
