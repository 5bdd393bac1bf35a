// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package decode

import (
	"unicode/utf8"

	"filebeat-websocket/receiver/internal/jsonscan"
)

func init() {
	register("raw", formatKind{frames: allFrames, decode: decodeRaw})
}

// decodeRaw: the message is any text, and becomes the field "message" of one record.
func decodeRaw(m message, list *Records) error {
	if !list.room(maxEscaped * len(m.data)) {
		return errMemory
	}
	return list.wroteText(m.data, m.options)
}

// wroteText adds a record with the one field "message".
func (l *Records) wroteText(text []byte, o *Options) error {
	l.written = append(l.written, `{"message":"`...)
	l.written = appendEscaped(l.written, text)
	l.written = append(l.written, `"}`...)
	return l.wrote(o)
}

// maxEscaped is the maximum number of bytes that a byte of text becomes: \u0000.
const maxEscaped = 6

// appendEscaped appends text as the inside of a JSON string. A byte that is not
// part of a UTF-8 sequence becomes U+FFFD.
func appendEscaped(to, text []byte) []byte {
	const hex = "0123456789abcdef"
	for start, pos := 0, 0; ; {
		for pos < len(text) && jsonscan.Plain[text[pos]] && text[pos] < utf8.RuneSelf {
			pos++
		}
		if pos == len(text) {
			return append(to, text[start:]...)
		}
		c := text[pos]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRune(text[pos:])
			if r != utf8.RuneError || size > 1 {
				pos += size
				continue
			}
		}
		to = append(to, text[start:pos]...)
		switch c {
		case '"', '\\':
			to = append(to, '\\', c)
		case '\n':
			to = append(to, `\n`...)
		case '\r':
			to = append(to, `\r`...)
		case '\t':
			to = append(to, `\t`...)
		default:
			if c >= utf8.RuneSelf {
				to = append(to, "\uFFFD"...)
			} else {
				to = append(to, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			}
		}
		pos++
		start = pos
	}
}
