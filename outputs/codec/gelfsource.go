// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

// find returns the leaf of a dotted key, nil if there is none. A dot of the key
// may stand for the separator between nested names.
func (f *flattener) find(key string) *leaf {
	for i := range f.leaves {
		if l := &f.leaves[i]; isPath(f.nameOf(l), key, f.separator) {
			return l
		}
	}
	return nil
}

func isPath(name []byte, key string, separator byte) bool {
	if len(name) != len(key) || len(key) == 0 {
		return false
	}
	for i, b := range name {
		if b != key[i] && (b != separator || key[i] != '.') {
			return false
		}
	}
	return true
}

// takeText returns the leaf of a key and marks it as taken, if it is a scalar
// that is not empty. Otherwise it returns nil.
func (f *flattener) takeText(key string) *leaf {
	l := f.find(key)
	if l == nil || l.kind == textNull || l.kind == textList || l.ownText == "" && l.text.start == l.text.end {
		return nil
	}
	l.taken = true
	return l
}

// appendJSONText appends the text of l as a JSON string.
func (f *flattener) appendJSONText(dst []byte, l *leaf) []byte {
	switch {
	case l.ownText != "":
		return appendJSONString(dst, l.ownText)
	case l.kind == textList:
		return appendQuotedJSON(dst, f.textOf(l))
	default:
		return appendJSONString(dst, string(f.textOf(l)))
	}
}

// appendQuotedJSON appends JSON as a JSON string. This package
// wrote it, so it has no control characters and is valid UTF-8.
func appendQuotedJSON(dst, encoded []byte) []byte {
	dst = append(dst, '"')
	for _, b := range encoded {
		if b == '"' || b == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, b)
	}
	return append(dst, '"')
}

// levelNames are the severities of syslog in lower case (RFC 5424 6.2.1) and the
// names that loggers have for them.
var levelNames = map[string]byte{
	"emerg": 0, "emergency": 0, "panic": 0,
	"alert": 1,
	"crit":  2, "critical": 2, "fatal": 2,
	"err": 3, "error": 3, "severe": 3,
	"warn": 4, "warning": 4,
	"notice": 5,
	"info":   6, "information": 6, "informational": 6,
	"debug": 7, "trace": 7, "verbose": 7,
	"0": 0, "1": 1, "2": 2, "3": 3, "4": 4, "5": 5, "6": 6, "7": 7,
}

const longestLevelName = len("informational")

// takeLevel returns the severity in the field of a key and marks the field as
// taken. A whole number has the same text as the string.
func (f *flattener) takeLevel(key string) (level byte, ok bool) {
	l := f.find(key)
	if l == nil || l.kind != textString && l.kind != textNumber {
		return 0, false
	}
	var lower [longestLevelName]byte
	var name []byte
	if l.ownText != "" {
		name = appendLower(lower[:0], l.ownText)
	} else {
		name = appendLower(lower[:0], f.textOf(l))
	}
	level, ok = levelNames[string(name)]
	l.taken = l.taken || ok
	return level, ok
}

// appendLower appends s in lower case. A text that is longer than the longest name
// is not a name and is left out.
func appendLower[T stringOrBytes](dst []byte, s T) []byte {
	if len(s) > longestLevelName {
		return dst
	}
	for i := range len(s) {
		b := s[i]
		if b >= 'A' && b <= 'Z' {
			b |= 0x20
		}
		dst = append(dst, b)
	}
	return dst
}
