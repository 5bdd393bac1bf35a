// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"errors"
	"fmt"
)

// Stream cuts a stream of MessagePack values into its values. Forward is such a stream in
// both directions: a bridge between TCP and WebSocket cuts it anywhere, so a message may
// hold several values, or a part of one. Make one with NewStream.
//
// A length or count beyond the limit is an error as soon as it is read, before the memory
// for it is needed. No byte is looked at twice, however the stream is cut, and nesting
// takes no memory.
type Stream struct {
	scanner Scanner
	unread  []byte
	err     error
}

// NewStream returns a stream whose values have at most limit bytes.
func NewStream(limit int) *Stream { return &Stream{scanner: Scanner{limit: limit}} }

// Write adds what came in. It does not keep it.
func (s *Stream) Write(content []byte) {
	if s.err == nil {
		s.unread = append(s.unread, content...)
	}
}

// Next returns the next value, nil if it is not whole yet. The value is valid until the
// next call of a method. An error is final: it is not known where the next value begins.
func (s *Stream) Next() ([]byte, error) {
	length := 0
	if s.err == nil {
		length, s.err = s.scanner.Scan(s.unread)
	}
	if s.err != nil {
		s.unread = nil
		return nil, s.err
	}
	if length == 0 {
		if len(s.unread) == 0 {
			s.unread = nil // a long value does not keep its memory
		}
		return nil, nil
	}
	value := s.unread[:length:length]
	s.unread = s.unread[length:]
	return value, nil
}

// Unread returns how many bytes are unread.
func (s *Stream) Unread() int { return len(s.unread) }

// Rest returns what is unread and leaves nothing.
func (s *Stream) Rest() []byte {
	rest := s.unread
	s.unread, s.scanner = nil, Scanner{limit: s.scanner.limit}
	return rest
}

// Scanner is a Stream for those who keep the bytes themselves. Make one with NewScanner.
type Scanner struct {
	limit   int
	scanned int    // bytes of the first value that are known
	open    uint64 // values that have to follow until the first value is whole; 0 before its first byte
}

// NewScanner returns a Scanner for values of at most limit bytes.
func NewScanner(limit int) *Scanner { return &Scanner{limit: limit} }

// Scan returns the length of the value at the beginning of unread, 0 if it is not whole
// yet. Then it has to be called again with more bytes behind the same ones. After a
// length it begins with another value. An error is final.
func (s *Scanner) Scan(unread []byte) (length int, err error) {
	for s.scanned == 0 || s.open > 0 {
		rest := unread[s.scanned:]
		if len(rest) == 0 {
			return 0, nil
		}
		next, err := shapeOf(rest[0])
		if err != nil {
			return 0, err
		}
		header := next.header
		if len(rest) < header {
			return 0, nil
		}
		bytes, values := next.content(bigEndian(rest[1:header]))
		open := max(s.open, 1) - 1 + values
		// Each value that is still to come has at least one byte.
		if whole := uint64(s.scanned) + uint64(header) + bytes + open; whole > uint64(s.limit) {
			return 0, &tooLongError{limit: s.limit}
		}
		if uint64(len(rest)) < uint64(header)+bytes {
			return 0, nil
		}
		s.scanned, s.open = s.scanned+header+int(bytes), open
	}
	length, s.scanned = s.scanned, 0
	return length, nil
}

// ErrTooLong is wrapped by the error for a value that is longer than the limit.
var ErrTooLong = errors.New("too long")

type tooLongError struct{ limit int }

func (e *tooLongError) Error() string {
	return fmt.Sprintf("%v: a value longer than %d bytes", ErrMessage, e.limit)
}

func (e *tooLongError) Unwrap() []error { return []error{ErrMessage, ErrTooLong} }

// shape is what the first byte of a value says of it.
type shape struct {
	header        int    // its length, the first byte included; the rest of it is a number
	bytes, values uint64 // how many bytes of content follow, and how many values
	perNumber     unit   // what the number in the header counts beside these
}

type unit uint8

const (
	unitNothing unit = iota
	unitBytes
	unitElements
	unitPairs
)

// content returns how many bytes of content follow, and how many values.
func (s shape) content(number uint64) (bytes, values uint64) {
	switch s.perNumber {
	case unitBytes:
		return s.bytes + number, s.values
	case unitElements:
		return s.bytes, s.values + number
	case unitPairs:
		return s.bytes, s.values + 2*number
	}
	return s.bytes, s.values
}

func shapeOf(first byte) (shape, error) {
	switch {
	case first < 0x80 || first >= 0xE0: // a small number
		return shape{header: 1}, nil
	case first < 0x90: // a small map
		return shape{header: 1, values: 2 * uint64(first&0x0F)}, nil
	case first < 0xA0: // a small array
		return shape{header: 1, values: uint64(first & 0x0F)}, nil
	case first < 0xC0: // a short str
		return shape{header: 1, bytes: uint64(first & 0x1F)}, nil
	}
	switch first {
	case 0xC0, 0xC2, 0xC3: // nil, false, true
		return shape{header: 1}, nil
	case 0xC4, 0xC5, 0xC6: // bin
		return shape{header: 1 + 1<<(first-0xC4), perNumber: unitBytes}, nil
	case 0xC7, 0xC8, 0xC9: // ext, with its type
		return shape{header: 1 + 1<<(first-0xC7), bytes: 1, perNumber: unitBytes}, nil
	case 0xCA, 0xCB: // floats
		return shape{header: 1, bytes: 4 << (first - 0xCA)}, nil
	case 0xCC, 0xCD, 0xCE, 0xCF: // unsigned numbers
		return shape{header: 1, bytes: 1 << (first - 0xCC)}, nil
	case 0xD0, 0xD1, 0xD2, 0xD3: // signed numbers
		return shape{header: 1, bytes: 1 << (first - 0xD0)}, nil
	case 0xD4, 0xD5, 0xD6, 0xD7, 0xD8: // short ext, with its type
		return shape{header: 1, bytes: 1 + 1<<(first-0xD4)}, nil
	case 0xD9, 0xDA, 0xDB: // str
		return shape{header: 1 + 1<<(first-0xD9), perNumber: unitBytes}, nil
	case 0xDC, 0xDD: // array
		return shape{header: 1 + 2<<(first-0xDC), perNumber: unitElements}, nil
	case 0xDE, 0xDF: // map
		return shape{header: 1 + 2<<(first-0xDE), perNumber: unitPairs}, nil
	}
	return shape{}, fmt.Errorf("%w: not MessagePack", ErrMessage) // 0xC1
}

// bigEndian reads an unsigned number, big endian.
func bigEndian(b []byte) (n uint64) {
	for _, digit := range b {
		n = n<<8 | uint64(digit)
	}
	return n
}
