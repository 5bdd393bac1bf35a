// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

// ltsvLayout is shared by all encoders of one configuration.
type ltsvLayout struct {
	ltsvOptions
	isForm bool
	// special holds the bytes that may not stand for themselves in a value.
	special [256]bool
	// standIn takes the place of a byte that can't be in a value.
	standIn byte
}

func newLTSVLayout(o *ltsvOptions) *ltsvLayout {
	l := &ltsvLayout{ltsvOptions: *o, isForm: o.isForm(), standIn: ' '}
	for _, b := range []byte{'\t', '\r', '\n', 0, o.Delimiter[0]} {
		l.special[b] = true
	}
	l.special['\\'] = o.Escape || o.Delimiter == `\`
	if o.Delimiter == " " {
		l.standIn = '_'
	}
	return l
}

// appendLTSVValue appends s so that it holds neither a line break nor the
// delimiter between fields.
func appendLTSVValue[T stringOrBytes](dst []byte, s T, l *ltsvLayout) []byte {
	if l.isForm {
		return appendPercent(dst, s)
	}
	start := 0
	for i := 0; i < len(s); {
		if !l.special[s[i]] {
			i++
			continue
		}
		dst = append(dst, s[start:i]...)
		var taken int
		dst, taken = appendLTSVSpecial(dst, s[i:], l)
		i += taken
		start = i
	}
	return append(dst, s[start:]...)
}

// appendLTSVSpecial appends the replacement for the special byte at the start of s, and
// returns how many bytes of s it replaces.
func appendLTSVSpecial[T stringOrBytes](dst []byte, s T, l *ltsvLayout) (extended []byte, taken int) {
	switch b := s[0]; {
	case l.Escape && b == '\t':
		return append(dst, `\t`...), 1
	case l.Escape && b == '\r':
		return append(dst, `\r`...), 1
	case l.Escape && b == '\n':
		return append(dst, `\n`...), 1
	case l.Escape && b == '\\':
		return append(dst, `\\`...), 1
	case b == '\t', b == '\r', b == '\n', b == 0:
		return append(dst, l.standIn), 1
	}
	// The delimiter, or a character that begins with the same byte.
	if width := len(l.Delimiter); len(s) >= width && string(s[:width]) == l.Delimiter {
		return append(dst, l.standIn), width
	}
	return append(dst, s[0]), 1
}
