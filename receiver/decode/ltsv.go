// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package decode

import (
	"bytes"
	"fmt"
)

func init() {
	register("ltsv", formatKind{frames: textFrames, decode: decodeLTSV})
}

// decodeLTSV: one record per line, with a label before each value (ltsv.org). Empty lines
// are skipped. A line without either separator is one bad record, because a record
// contains no line break.
func decodeLTSV(m message, list *Records) error {
	if !list.room(maxEscaped * len(m.data)) {
		return errMemory
	}
	o := &m.options.LTSV
	number := 0
	for line := range bytes.Lines(m.data) {
		number++
		if line = endOfLine(line); len(line) == 0 {
			continue
		}
		if o.isForm() {
			if err := list.wroteForm(line, m.options); err != nil {
				return err
			}
			continue
		}
		if err := list.ltsvPairs(line, o); err != nil {
			list.pairs, list.text = list.pairs[:0], list.text[:0]
			list.refuse(fmt.Errorf("line %d: %w", number, err))
			continue
		}
		if err := list.wrotePairs(m.options); err != nil {
			return err
		}
	}
	return nil
}

func (l *Records) ltsvPairs(line []byte, o *LTSVOptions) error {
	at := 0
	for field := range bytes.SplitSeq(line, []byte(o.Delimiter)) {
		label, value, ok := bytes.Cut(field, []byte(o.LabelDelimiter))
		if !ok && len(field) > 0 {
			return fmt.Errorf("no label at byte %d", at)
		}
		at += len(field) + len(o.Delimiter)
		if !ok {
			continue // such as a separator at the end of the line
		}
		if o.Escape {
			value = l.unescaped(value)
		}
		if err := l.addPair(label, value); err != nil {
			return err
		}
	}
	if len(l.pairs) == 0 {
		return fmt.Errorf("no label at byte %d", 0)
	}
	return nil
}

// unescaped turns \t, \r, \n and \\ into what they stand for. A backslash before
// anything else stands for itself.
func (l *Records) unescaped(value []byte) []byte {
	if bytes.IndexByte(value, '\\') < 0 {
		return value
	}
	start := len(l.text)
	for i := 0; i < len(value); i++ {
		c := value[i]
		if c == '\\' && i+1 < len(value) {
			if at := bytes.IndexByte([]byte(`trn\`), value[i+1]); at >= 0 {
				c = "\t\r\n\\"[at]
				i++
			}
		}
		l.text = append(l.text, c)
	}
	return l.text[start:len(l.text):len(l.text)]
}
