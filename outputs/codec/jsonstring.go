// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"math/bits"
	"unicode/utf8"
)

// mustEscape holds the ASCII bytes that can't stand for themselves in a JSON
// string (RFC 8259 7). <, > and & can, and libbeat leaves them alone too.
var mustEscape = func() (set [utf8.RuneSelf]bool) {
	for b := range 0x20 {
		set[b] = true
	}
	set['"'], set['\\'] = true, true
	return set
}()

// digits are hexadecimal; the first ten serve for decimal too.
const digits = "0123456789abcdef"

// appendJSONString appends s in quotes. As libbeat does, it writes a byte that is
// not part of valid UTF-8 as \ufffd, and escapes U+2028 and U+2029, so the
// result is always valid UTF-8.
func appendJSONString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for {
		plain := plainPrefix(s)
		dst = append(dst, s[:plain]...)
		if plain == len(s) {
			return append(dst, '"')
		}
		s = s[plain:]
		if s[0] < utf8.RuneSelf {
			dst = appendEscapedByte(dst, s[0])
			s = s[1:]
			continue
		}
		taken := 0
		dst, taken = appendNonASCII(dst, s)
		s = s[taken:]
	}
}

// appendJSONKey appends s in quotes and a colon.
func appendJSONKey(dst []byte, s string) []byte {
	if plainPrefix(s) < len(s) {
		return append(appendJSONString(dst, s), ':')
	}
	dst = append(append(dst, '"'), s...)
	return append(dst, '"', ':')
}

// plainPrefix returns how many bytes at the start of s are ASCII that needs no
// escape. It looks at eight at a time, since most lines are such bytes only.
func plainPrefix(s string) int {
	n := len(s)
	if n < 8 {
		return plainPrefixOfShort(s)
	}
	i := 0
	for ; n-i >= 16; i += 16 {
		first, second := specialBytes(load64(s[i:])), specialBytes(load64(s[i+8:]))
		if first|second == 0 {
			continue
		}
		if first == 0 {
			return i + 8 + bits.TrailingZeros64(second)/8
		}
		return i + bits.TrailingZeros64(first)/8
	}
	if n-i >= 8 {
		if found := specialBytes(load64(s[i:])); found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
		i += 8
	}
	if i == n {
		return n
	}
	// The last eight bytes overlap with ones that are known to be plain.
	if found := specialBytes(load64(s[n-8:])); found != 0 {
		return n - 8 + bits.TrailingZeros64(found)/8
	}
	return n
}

func plainPrefixOfShort(s string) int {
	if n := len(s); n >= 4 {
		// Two overlapping halves.
		if specialBytes(uint64(load32(s))|uint64(load32(s[n-4:]))<<32) == 0 {
			return n
		}
	}
	for i := range len(s) {
		if b := s[i]; b >= utf8.RuneSelf || mustEscape[b] {
			return i
		}
	}
	return len(s)
}

// load64 is one load instruction: the compiler joins the eight.
func load64(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

func load32(s string) uint32 {
	_ = s[3]
	return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
}

// specialBytes sets the top bit of the lowest byte of word that is a control
// character, a quote, a backslash, or not ASCII: the subtractions reach below
// zero, and bytes that are not ASCII have the bit to begin with. Bytes above
// it may be marked wrongly, because the subtraction borrows from them; bytes below never.
func specialBytes(word uint64) uint64 {
	const (
		ones = 0x0101010101010101
		tops = 0x8080808080808080
	)
	controls := word - ones*0x20
	quotes := (word ^ ones*'"') - ones
	backslashes := (word ^ ones*'\\') - ones
	return (word | controls | quotes | backslashes) & tops
}

func appendEscapedByte(dst []byte, b byte) []byte {
	switch b {
	case '"', '\\':
		return append(dst, '\\', b)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	default:
		return append(dst, '\\', 'u', '0', '0', digits[b>>4], digits[b&0xF])
	}
}

// appendNonASCII appends the run of bytes above 0x7F at the start of s and returns
// how many of them it took.
func appendNonASCII(dst []byte, s string) (extended []byte, taken int) {
	start, i := 0, 0
	for i < len(s) && s[i] >= utf8.RuneSelf {
		r, width := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && width == 1:
			dst = append(append(dst, s[start:i]...), `\ufffd`...)
			start = i + width
		case r == '\u2028' || r == '\u2029':
			dst = append(append(dst, s[start:i]...), `\u202`...)
			dst = append(dst, digits[r&0xF])
			start = i + width
		}
		i += width
	}
	return append(dst, s[start:i]...), i
}
