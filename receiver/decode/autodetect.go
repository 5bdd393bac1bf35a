// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package decode

import (
	"bytes"

	"github.com/tinylib/msgp/msgp"
)

// binaryFormat returns msgpack or forward if a binary message begins like one, otherwise
// an empty name. None of the first bytes, 92 to 94 and C0, can begin text in
// UTF-8.
func binaryFormat(data []byte, list *Records) string {
	u := list.unpack(data)
	for msgp.IsNil(u.rest) {
		u.rest = u.rest[1:] // a heartbeat
	}
	begin := u.rest
	if len(begin) == 0 && len(data) > 0 || u.beginsRequest() {
		return formatForward
	}
	if u.rest = begin; len(begin) == len(data) && u.beginsEntry() {
		return formatMsgpack
	}
	return ""
}

// beginsRequest: an array of two to four, a tag, and entries or a time.
func (u *unpacker) beginsRequest() bool {
	elements, ok := u.beginsList(2, 4)
	if !ok {
		return false
	}
	switch msgp.NextType(u.rest) {
	case msgp.StrType, msgp.BinType:
	default:
		return false
	}
	if _, err := u.shortText("tag"); err != nil {
		return false
	}
	switch msgp.NextType(u.rest) {
	case msgp.InvalidType:
		return false
	case msgp.ArrayType:
		return true
	case msgp.StrType, msgp.BinType:
		return elements < 4
	}
	return elements > 2 && u.time() == nil && msgp.NextType(u.rest) == msgp.MapType
}

// beginsEntry: an array of two, perhaps with another one in it, and a time. A time that is
// a plain number must be followed by a record or metadata.
func (u *unpacker) beginsEntry() bool {
	if _, ok := u.beginsList(2, 2); !ok {
		return false
	}
	if msgp.NextType(u.rest) == msgp.ArrayType {
		if _, ok := u.beginsList(2, 2); !ok {
			return false
		}
	}
	if bytes.HasPrefix(u.rest, []byte{0xD7, 0}) || bytes.HasPrefix(u.rest, []byte{0xC7, 8, 0}) {
		return true
	}
	return u.time() == nil && msgp.NextType(u.rest) == msgp.MapType
}

func (u *unpacker) beginsList(least, most uint32) (elements uint32, ok bool) {
	if msgp.NextType(u.rest) != msgp.ArrayType {
		return 0, false
	}
	elements, err := u.array()
	return elements, err == nil && elements >= least && elements <= most
}

// formBegin is what a form of the output begins with.
var formBegin = []byte("%40timestamp=")

// textFormat returns the format of a message that is not JSON: form or ltsv only if
// all of it is valid and begins with the time, as the output writes them. A line of
// another kind that looks the same loses no content.
func textFormat(m message) string {
	switch {
	case bytes.HasPrefix(m.data, formBegin) && isForm(m.data):
		return "form"
	case isLTSV(m.data, &m.options.LTSV):
		return "ltsv"
	}
	return "raw"
}

// isForm reports whether text is exactly what a serializer of forms writes (WHATWG URL
// 5.2).
func isForm(text []byte) bool {
	text = bytes.TrimSuffix(text, []byte("\n"))
	if bytes.Count(text, []byte("&")) >= maxPairs {
		return false
	}
	for i, c := range text {
		switch {
		case c >= '0' && c <= '9', c|0x20 >= 'a' && c|0x20 <= 'z':
		case bytes.IndexByte([]byte("*-._+&="), c) >= 0:
		case c == '%' && i+2 < len(text) && hexDigit(text[i+1]) >= 0 && hexDigit(text[i+2]) >= 0:
		default:
			return false
		}
	}
	return true
}

// isLTSV reports whether each line is a time and at least one more field, all of
// them with a label (ltsv.org).
func isLTSV(text []byte, o *LTSVOptions) bool {
	if o.isForm() || !beginsWithTime(text, o) {
		return false
	}
	for line := range bytes.Lines(text) {
		line = endOfLine(line)
		others := bytes.Count(line, []byte(o.Delimiter))
		if !beginsWithTime(line, o) || others == 0 || others >= maxPairs {
			return false
		}
		for field := range bytes.SplitSeq(line, []byte(o.Delimiter)) {
			label, _, ok := bytes.Cut(field, []byte(o.LabelDelimiter))
			if !ok || len(label) == 0 || !isLabel(label) {
				return false
			}
		}
	}
	return true
}

func beginsWithTime(line []byte, o *LTSVOptions) bool {
	rest, ok := bytes.CutPrefix(line, []byte("time"))
	return ok && bytes.HasPrefix(rest, []byte(o.LabelDelimiter))
}

func isLabel(label []byte) bool {
	for _, c := range label {
		if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') && c != '_' && c != '.' && c != '-' {
			return false
		}
	}
	return true
}
