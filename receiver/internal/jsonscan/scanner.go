// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package jsonscan finds the end of JSON values and validates them, without decoding.
package jsonscan

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

// MaxDepth is how deep arrays and objects may be nested. Log records are not that
// deep, and programs that read the output may have a limited stack.
const MaxDepth = 64

// Error is the offset at which a text stops being valid JSON. It has no content.
type Error struct {
	at      int
	TooDeep bool
	early   bool
}

func (e *Error) Error() string {
	switch {
	case e.TooDeep:
		return fmt.Sprintf("JSON nested deeper than %d at byte %d", MaxDepth, e.at)
	case e.early:
		return fmt.Sprintf("JSON ends too early, after %d bytes", e.at)
	}
	return fmt.Sprintf("invalid JSON at byte %d", e.at)
}

// Scanner finds the end of JSON values (RFC 8259) and validates them, without decoding
// anything. It does not check that the text is UTF-8.
type Scanner struct {
	Data []byte
	Pos  int
	// LineBreaks is set when white space with CR or LF was passed. Inside of
	// strings they can't be.
	LineBreaks bool
}

// Fail returns the Error for the place at Pos.
func (s *Scanner) Fail() error {
	return &Error{at: s.Pos, early: s.Pos >= len(s.Data)}
}

// End reports whether all is read.
func (s *Scanner) End() bool { return s.Pos == len(s.Data) }

// Next returns the byte at Pos, or 0 at the end, which no rule takes.
func (s *Scanner) Next() byte {
	if s.Pos < len(s.Data) {
		return s.Data[s.Pos]
	}
	return 0
}

// Take reads c if it is next.
func (s *Scanner) Take(c byte) bool {
	if s.Next() != c || s.End() {
		return false
	}
	s.Pos++
	return true
}

// Space passes white space.
func (s *Scanner) Space() {
	for s.Pos < len(s.Data) {
		switch s.Data[s.Pos] {
		case '\n', '\r':
			s.LineBreaks = true
		case ' ', '\t':
		default:
			return
		}
		s.Pos++
	}
}

// Record reads one value with the white space around it and returns its bytes,
// and whether there are line breaks inside of them.
func (s *Scanner) Record() (value []byte, lineBreaks bool, err error) {
	s.Space()
	start := s.Pos
	s.LineBreaks = false
	if err := s.Value(0); err != nil {
		return nil, false, err
	}
	value, lineBreaks = s.Data[start:s.Pos], s.LineBreaks
	s.Space()
	return value, lineBreaks, nil
}

// Value reads a value inside of depth others.
func (s *Scanner) Value(depth int) error {
	switch c := s.Next(); c {
	case '"':
		return s.Text()
	case '{', '[':
		if depth == MaxDepth {
			return &Error{at: s.Pos, TooDeep: true}
		}
		s.Pos++
		if c == '{' {
			return s.object(depth + 1)
		}
		return s.array(depth + 1)
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	default:
		return s.number()
	}
}

func (s *Scanner) object(depth int) error {
	s.Space()
	if s.Take('}') {
		return nil
	}
	for {
		s.Space()
		if s.Next() != '"' {
			return s.Fail()
		}
		if err := s.Text(); err != nil {
			return err
		}
		s.Space()
		if !s.Take(':') {
			return s.Fail()
		}
		s.Space()
		if err := s.Value(depth); err != nil {
			return err
		}
		s.Space()
		if s.Take('}') {
			return nil
		}
		if !s.Take(',') {
			return s.Fail()
		}
	}
}

func (s *Scanner) array(depth int) error {
	s.Space()
	if s.Take(']') {
		return nil
	}
	for {
		s.Space()
		if err := s.Value(depth); err != nil {
			return err
		}
		s.Space()
		if s.Take(']') {
			return nil
		}
		if !s.Take(',') {
			return s.Fail()
		}
	}
}

// Plain are the bytes that stand for themselves in a string.
var Plain = func() (table [256]bool) {
	for c := range table {
		table[c] = c >= 0x20 && c != '"' && c != '\\'
	}
	return table
}()

// passPlain returns where, from pos on, the first byte is that is not plain.
// Eight bytes at a time: this is what most of the time is spent on. A byte is found
// by the borrow that it causes, which can mark others only above itself, so the
// lowest one marked is right.
func passPlain(data []byte, pos int) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for ; pos+8 <= len(data); pos += 8 {
		word := binary.LittleEndian.Uint64(data[pos:])
		quotes, slashes := word^(ones*'"'), word^(ones*'\\')
		found := ((word-ones*0x20)&^word | (quotes-ones)&^quotes | (slashes-ones)&^slashes) & tops
		if found != 0 {
			return pos + bits.TrailingZeros64(found)/8
		}
	}
	for pos < len(data) && Plain[data[pos]] {
		pos++
	}
	return pos
}

// Text reads a string from its opening quote on.
func (s *Scanner) Text() error {
	data, pos := s.Data, s.Pos+1
	for {
		s.Pos = passPlain(data, pos)
		switch s.Next() {
		case '"':
			s.Pos++
			return nil
		case '\\':
			s.Pos++
			if err := s.escape(); err != nil {
				return err
			}
			pos = s.Pos
		default:
			return s.Fail()
		}
	}
}

// escape reads what comes after a backslash.
func (s *Scanner) escape() error {
	switch s.Next() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.Pos++
		return nil
	case 'u':
		s.Pos++
		for range 4 {
			if c := s.Next(); (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
				return s.Fail()
			}
			s.Pos++
		}
		return nil
	}
	return s.Fail()
}

func (s *Scanner) word(word string) error {
	for i := range len(word) {
		if !s.Take(word[i]) {
			return s.Fail()
		}
	}
	return s.wordEnd()
}

func (s *Scanner) number() error {
	s.Take('-')
	if !s.Take('0') && !s.digits() {
		return s.Fail()
	}
	if s.Take('.') && !s.digits() {
		return s.Fail()
	}
	if s.Take('e') || s.Take('E') {
		if !s.Take('+') {
			s.Take('-')
		}
		if !s.digits() {
			return s.Fail()
		}
	}
	return s.wordEnd()
}

func (s *Scanner) digits() bool {
	start := s.Pos
	for c := s.Next(); c >= '0' && c <= '9'; c = s.Next() {
		s.Pos++
	}
	return s.Pos > start
}

// wordEnd makes sure that a number or literal does not run into the next value,
// which only formats without separators could hold: 12 is not 1 and 2.
func (s *Scanner) wordEnd() error {
	switch s.Next() {
	case ' ', '\t', '\r', '\n', ',', ']', '}':
		return nil
	}
	if s.End() {
		return nil
	}
	return s.Fail()
}

// Compact takes the white space out of a valid JSON value, in place.
func Compact(value []byte) []byte {
	to := value[:0]
	inString, escaped := false, false
	for _, c := range value {
		switch {
		case escaped:
			escaped = false
		case c == '"':
			inString = !inString
		case inString:
			escaped = c == '\\'
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			continue
		}
		to = append(to, c)
	}
	return to
}
