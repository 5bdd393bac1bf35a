// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package decode

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

// maxDepth is how deep arrays and objects may be nested. Log records are not that
// deep, and programs that read the output may have a limited stack.
const maxDepth = 64

// jsonError is the offset at which a text stops being valid JSON. It has no content.
type jsonError struct {
	at      int
	tooDeep bool
	early   bool
}

func (e *jsonError) Error() string {
	switch {
	case e.tooDeep:
		return fmt.Sprintf("JSON nested deeper than %d at byte %d", maxDepth, e.at)
	case e.early:
		return fmt.Sprintf("JSON ends too early, after %d bytes", e.at)
	}
	return fmt.Sprintf("invalid JSON at byte %d", e.at)
}

// scanner finds the end of JSON values (RFC 8259) and validates them, without decoding
// anything. It does not check that the text is UTF-8.
type scanner struct {
	data []byte
	pos  int
	// lineBreaks is set when white space with CR or LF was passed. Inside of
	// strings they can't be.
	lineBreaks bool
}

func (s *scanner) fail() error {
	return &jsonError{at: s.pos, early: s.pos >= len(s.data)}
}

// end reports whether all is read.
func (s *scanner) end() bool { return s.pos == len(s.data) }

// next returns the byte at pos, or 0 at the end, which no rule takes.
func (s *scanner) next() byte {
	if s.pos < len(s.data) {
		return s.data[s.pos]
	}
	return 0
}

// take reads c if it is next.
func (s *scanner) take(c byte) bool {
	if s.next() != c || s.end() {
		return false
	}
	s.pos++
	return true
}

func (s *scanner) space() {
	for s.pos < len(s.data) {
		switch s.data[s.pos] {
		case '\n', '\r':
			s.lineBreaks = true
		case ' ', '\t':
		default:
			return
		}
		s.pos++
	}
}

// record reads one value with the white space around it and returns its bytes,
// and whether there are line breaks inside of them.
func (s *scanner) record() (value []byte, lineBreaks bool, err error) {
	s.space()
	start := s.pos
	s.lineBreaks = false
	if err := s.value(0); err != nil {
		return nil, false, err
	}
	value, lineBreaks = s.data[start:s.pos], s.lineBreaks
	s.space()
	return value, lineBreaks, nil
}

// value reads a value inside of depth others.
func (s *scanner) value(depth int) error {
	switch c := s.next(); c {
	case '"':
		return s.text()
	case '{', '[':
		if depth == maxDepth {
			return &jsonError{at: s.pos, tooDeep: true}
		}
		s.pos++
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

func (s *scanner) object(depth int) error {
	s.space()
	if s.take('}') {
		return nil
	}
	for {
		s.space()
		if s.next() != '"' {
			return s.fail()
		}
		if err := s.text(); err != nil {
			return err
		}
		s.space()
		if !s.take(':') {
			return s.fail()
		}
		s.space()
		if err := s.value(depth); err != nil {
			return err
		}
		s.space()
		if s.take('}') {
			return nil
		}
		if !s.take(',') {
			return s.fail()
		}
	}
}

func (s *scanner) array(depth int) error {
	s.space()
	if s.take(']') {
		return nil
	}
	for {
		s.space()
		if err := s.value(depth); err != nil {
			return err
		}
		s.space()
		if s.take(']') {
			return nil
		}
		if !s.take(',') {
			return s.fail()
		}
	}
}

// plain are the bytes that stand for themselves in a string.
var plain = func() (table [256]bool) {
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
	for pos < len(data) && plain[data[pos]] {
		pos++
	}
	return pos
}

// text reads a string from its opening quote on.
func (s *scanner) text() error {
	data, pos := s.data, s.pos+1
	for {
		s.pos = passPlain(data, pos)
		switch s.next() {
		case '"':
			s.pos++
			return nil
		case '\\':
			s.pos++
			if err := s.escape(); err != nil {
				return err
			}
			pos = s.pos
		default:
			return s.fail()
		}
	}
}

// escape reads what comes after a backslash.
func (s *scanner) escape() error {
	switch s.next() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.pos++
		return nil
	case 'u':
		s.pos++
		for range 4 {
			if c := s.next(); (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
				return s.fail()
			}
			s.pos++
		}
		return nil
	}
	return s.fail()
}

func (s *scanner) word(word string) error {
	for i := range len(word) {
		if !s.take(word[i]) {
			return s.fail()
		}
	}
	return s.wordEnd()
}

func (s *scanner) number() error {
	s.take('-')
	if !s.take('0') && !s.digits() {
		return s.fail()
	}
	if s.take('.') && !s.digits() {
		return s.fail()
	}
	if s.take('e') || s.take('E') {
		if !s.take('+') {
			s.take('-')
		}
		if !s.digits() {
			return s.fail()
		}
	}
	return s.wordEnd()
}

func (s *scanner) digits() bool {
	start := s.pos
	for c := s.next(); c >= '0' && c <= '9'; c = s.next() {
		s.pos++
	}
	return s.pos > start
}

// wordEnd makes sure that a number or literal does not run into the next value,
// which only formats without separators could hold: 12 is not 1 and 2.
func (s *scanner) wordEnd() error {
	switch s.next() {
	case ' ', '\t', '\r', '\n', ',', ']', '}':
		return nil
	}
	if s.end() {
		return nil
	}
	return s.fail()
}

// compact takes the white space out of a valid JSON value, in place.
func compact(value []byte) []byte {
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
