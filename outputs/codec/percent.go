// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import "unicode/utf8"

// needsNoPercent holds the bytes that stand for themselves in a form (WHATWG URL
// 5.2). A space is among the others: it becomes a plus sign.
var needsNoPercent = func() (set [256]bool) {
	for b := range set {
		set[b] = isAlphanumeric(byte(b)) || b == '*' || b == '-' || b == '.' || b == '_'
	}
	return set
}()

func isAlphanumeric(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'A' && b <= 'Z' || b >= 'a' && b <= 'z'
}

// appendPercent appends s as a name or a value of a form. A byte that is not part
// of valid UTF-8 becomes U+FFFD: the output cannot replace it later, behind percent signs.
func appendPercent[T stringOrBytes](dst []byte, s T) []byte {
	for i := 0; i < len(s); {
		switch b := s[i]; {
		case needsNoPercent[b]:
			dst = append(dst, b)
			i++
		case b == ' ':
			dst = append(dst, '+')
			i++
		case b < utf8.RuneSelf:
			dst = appendPercentByte(dst, b)
			i++
		default:
			r, width := utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
			var encoded [utf8.UTFMax]byte
			for _, b := range encoded[:utf8.EncodeRune(encoded[:], r)] {
				dst = appendPercentByte(dst, b)
			}
			i += width
		}
	}
	return dst
}

func appendPercentByte(dst []byte, b byte) []byte {
	const upperDigits = "0123456789ABCDEF"
	return append(dst, '%', upperDigits[b>>4], upperDigits[b&0xF])
}
