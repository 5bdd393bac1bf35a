// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package decode

import "bytes"

func init() {
	register("form", formatKind{frames: textFrames, decode: decodeForm})
}

// decodeForm: application/x-www-form-urlencoded, one record per line. A record cannot
// contain a line break, which is encoded as %0A.
func decodeForm(m message, list *Records) error {
	if !list.room(maxEscaped * len(m.data)) {
		return errMemory
	}
	if m.options.Form.OneRecord {
		return list.wroteForm(m.data, m.options)
	}
	for line := range bytes.Lines(m.data) {
		if err := list.wroteForm(endOfLine(line), m.options); err != nil {
			return err
		}
	}
	return nil
}

// endOfLine removes the line break, with its CR.
func endOfLine(line []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
}

// wroteForm reads a line as the URL standard does (WHATWG URL 5.1), in which no
// text is an error. A line without a field is not a record.
func (l *Records) wroteForm(line []byte, o *Options) error {
	for field := range bytes.SplitSeq(line, []byte("&")) {
		if len(field) == 0 {
			continue
		}
		name, value, _ := bytes.Cut(field, []byte("="))
		if err := l.addPair(l.percentDecoded(name), l.percentDecoded(value)); err != nil {
			return err
		}
	}
	if len(l.pairs) == 0 {
		return nil
	}
	return l.wrotePairs(o)
}

// percentDecoded returns text itself if there is nothing to decode. A percent
// sign without two hexadecimal digits stands for itself.
func (l *Records) percentDecoded(text []byte) []byte {
	if bytes.IndexByte(text, '%') < 0 && bytes.IndexByte(text, '+') < 0 {
		return text
	}
	start := len(l.text)
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '+':
			c = ' '
		case c == '%' && i+2 < len(text) && hexDigit(text[i+1]) >= 0 && hexDigit(text[i+2]) >= 0:
			c = byte(hexDigit(text[i+1])<<4 | hexDigit(text[i+2]))
			i += 2
		}
		l.text = append(l.text, c)
	}
	return l.text[start:len(l.text):len(l.text)]
}

// hexDigit returns the value of a digit, or -1.
func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}
