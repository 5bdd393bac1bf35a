// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package rfc6455

import (
	"fmt"
	"strings"
)

// manyWidths has characters of one to four bytes.
const manyWidths = "aé€😀κόσμε"

func validText() (cases []Case) {
	for _, r := range []rune{0, 0x7f, 0x80, 0x7ff, 0x800, 0xfff, 0x1000, 0xd7ff, 0xe000, 0xfffd, 0xfffe, 0xffff, 0x10000, 0x3ffff, 0x40000, 0xfffff, 0x10ffff} {
		cases = append(cases, passes("8.1", fmt.Sprintf("U+%04X", r), []Message{textOf(string(r))}, frameOf(fin|text, string(r))))
	}
	slow := passes("8.1", "characters of all widths, a byte at a time", []Message{textOf(manyWidths)}, frameOf(fin|text, manyWidths))
	slow.chunk = 1
	return append(cases, slow,
		passes("8.1", "a byte order mark", []Message{textOf("\ufeffhello")}, frameOf(fin|text, "\ufeffhello")),
		passes("5.6", "binary that is not UTF-8", []Message{binaryOf("\xff\xfe\x80")}, frameOf(fin|binaryData, "\xff\xfe\x80")))
}

func invalidText() (cases []Case) {
	for _, wrong := range []struct{ name, bytes string }{
		{"a byte that continues nothing", "\x80"},
		{"another one", "\xbf"},
		{"two of them", "\x80\xbf"},
		{"FE", "\xfe"},
		{"FF", "\xff"},
		{"C0", "\xc0\xaf"},
		{"C1", "\xc1\xbf"},
		{"F5", "\xf5\x80\x80\x80"},
		{"three bytes for a character of one", "\xe0\x80\xaf"},
		{"three bytes for U+07FF", "\xe0\x9f\xbf"},
		{"four bytes for a character of one", "\xf0\x80\x80\xaf"},
		{"four bytes for U+FFFF", "\xf0\x8f\xbf\xbf"},
		{"five bytes", "\xf8\x88\x80\x80\x80"},
		{"six bytes", "\xfc\x84\x80\x80\x80\x80"},
		{"U+D800", "\xed\xa0\x80"},
		{"U+DFFF", "\xed\xbf\xbf"},
		{"a pair of surrogates", "\xed\xa0\xbd\xed\xb8\x80"},
		{"U+110000", "\xf4\x90\x80\x80"},
		{"one of two bytes", "\xc3"},
		{"two of three bytes", "\xe2\x82"},
		{"three of four bytes", "\xf0\x9f\x98"},
		{"a character that another one cuts", "\xe2\x82a"},
		{"Latin 1", "caf\xe9"},
	} {
		cases = append(cases, fails("8.1", wrong.name, notUTF8, frameOf(fin|text, "a"+wrong.bytes)))
	}
	atEnd := fails("8.1", "at the end of 65 KB", notUTF8, frameOf(fin|text, strings.Repeat("*", 65_000)+"\xff"))
	after := fails("8.1", "after a message", notUTF8, before, frameOf(fin|text, "\xff"))
	after.messages = []Message{textOf("before")}
	return append(cases, atEnd, after)
}

func cutText() (cases []Case) {
	for at := 1; at < len(manyWidths); at++ {
		cases = append(cases, passes("5.6", fmt.Sprintf("two fragments, cut after byte %d", at), []Message{textOf(manyWidths)},
			frameOf(text, manyWidths[:at]), frameOf(fin|continuation, manyWidths[at:])))
	}
	var each []frame
	for i := range len(manyWidths) {
		first := byte(continuation)
		if i == 0 {
			first = text
		}
		if i == len(manyWidths)-1 {
			first |= fin
		}
		each = append(each, frameOf(first, manyWidths[i:i+1]))
	}
	return append(cases, passes("5.6", "a fragment for each byte", []Message{textOf(manyWidths)}, each...),
		pinged("5.6", "a Ping inside of a character", []Message{textOf("€")}, []string{"ping"}, frameOf(text, "\xe2"), frameOf(fin|ping, "ping"), frameOf(fin|continuation, "\x82\xac")),
		fails("5.6", "a character that the last fragment does not end", notUTF8, frameOf(text, "\xe2"), frameOf(fin|continuation, "\x82")),
		fails("5.6", "a character that is cut and wrong", notUTF8, frameOf(text, "a\xed"), frameOf(fin|continuation, "\xa0\x80")),
		fails("5.6", "a character over two messages", notUTF8, frameOf(fin|text, "\xe2"), frameOf(fin|text, "\x82\xac")),
		fails("5.6", "wrong in the second fragment", notUTF8, frameOf(text, "good"), frameOf(fin|continuation, "\xff")),
		fails("5.6", "wrong in the first fragment", notUTF8, frameOf(text, "\xff"), frameOf(fin|continuation, "good")))
}

func closes() (cases []Case) {
	ends := func(section, name string, code int, frames ...frame) Case {
		return Case{Section: section, Name: name, frames: frames, ends: []int{code}}
	}
	for _, code := range []int{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999} {
		cases = append(cases, ends("7.4", fmt.Sprintf("code %d", code), code, closing(uint16(code), "")))
	}
	for _, code := range []int{1012, 1013, 1014} {
		// Registered since, and not known to RFC 6455.
		c := ends("7.4.2", fmt.Sprintf("code %d", code), code, closing(uint16(code), ""))
		c.ends = append(c.ends, 1002)
		cases = append(cases, c)
	}
	for _, code := range []int{0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535} {
		cases = append(cases, fails("7.4", fmt.Sprintf("code %d", code), violation, closing(uint16(code), "")))
	}
	first := ends("5.5.1", "a message and a Close frame", 1000, before, closing(1000, ""))
	first.messages = []Message{textOf("before")}
	slow := ends("5.5.1", "a byte at a time", 1000, closing(1000, "reason"))
	slow.chunk = 1
	return append(cases,
		ends("5.5.1", "no code", NoCode, frameOf(fin|closeFrame, "")),
		fails("5.5.1", "half a code", violation, frameOf(fin|closeFrame, "\x03")),
		ends("5.5.1", "a reason", 1000, closing(1000, "the reason")),
		ends("5.5.1", "a reason of all widths", 1000, closing(1000, manyWidths)),
		ends("5.5", "a reason of 123 bytes", 1000, closing(1000, strings.Repeat("*", 123))),
		fails("5.5", "a reason of 124 bytes", violation, closing(1000, strings.Repeat("*", 124))),
		fails("5.5", "a reason of 65534 bytes", violation, closing(1000, strings.Repeat("*", 65534))),
		fails("5.5.1", "a reason that is not UTF-8", notStated, closing(1000, "caf\xe9")),
		fails("5.5.1", "a reason that ends inside of a character", notStated, closing(1000, "\xe2\x82")),
		fails("5.5.1", "a reason with a surrogate", notStated, closing(1000, "\xed\xa0\x80")),
		fails("5.5", "a Close frame that is fragmented", violation, frameOf(closeFrame, "\x03"), frameOf(fin|continuation, "\xe8")),
		first, slow,
		ends("5.5.1", "a message behind it", 1000, closing(1000, ""), frameOf(fin|text, "after")),
		ends("5.5.1", "a Ping behind it", 1000, closing(1000, ""), frameOf(fin|ping, "after")),
		ends("5.5.1", "another one behind it", 1000, closing(1000, ""), closing(1001, "")),
		ends("5.5.1", "what is forbidden behind it", 1000, closing(1000, ""), frameOf(fin|rsv2|3, "after")),
	)
}

func limits() []Case {
	full := strings.Repeat("*", Limit)
	small := make([]frame, 0, 20)
	for i := range 17 {
		first := byte(continuation)
		if i == 0 {
			first = binaryData
		}
		small = append(small, frameOf(first, full[:Limit/16]))
	}
	after := fails("10.4", "a longer message, after one", tooBig, before, frameOf(fin|text, full+"*"))
	after.messages = []Message{textOf("before")}
	fourth := full[:Limit/4]
	return []Case{
		passes("10.4", "text as long as is allowed", []Message{textOf(full)}, frameOf(fin|text, full)),
		passes("10.4", "binary as long as is allowed", []Message{binaryOf(full)}, frameOf(fin|binaryData, full)),
		passes("10.4", "fragments that are as long as is allowed", []Message{textOf(full)}, frameOf(text, fourth), frameOf(continuation, fourth), frameOf(continuation, fourth), frameOf(fin|continuation, fourth)),
		fails("10.4", "text that is a byte longer", tooBig, frameOf(fin|text, full+"*")),
		fails("10.4", "binary that is a byte longer", tooBig, frameOf(fin|binaryData, full+"*")),
		after,
		fails("10.4", "fragments that are longer", tooBig, frameOf(text, full), frameOf(fin|continuation, "*")),
		fails("10.4", "fragments that do not end", tooBig, small...),
		fails("10.4", "twice as long", tooBig, frameOf(fin|text, full+full)),
	}
}
