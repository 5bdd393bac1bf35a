// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package decode

import (
	"bytes"
	"fmt"
	"strconv"
)

func init() {
	register("csv", formatKind{frames: textFrames, decode: decodeCSV})
}

// csvError is the offset at which a text stops being valid CSV. It has no content.
type csvError struct {
	what string
	at   int
}

func (e *csvError) Error() string { return fmt.Sprintf("%s at byte %d", e.what, e.at) }

// decodeCSV: RFC 4180, one record per line, except for line breaks in quotes. Empty lines
// are skipped; an empty value alone is "". encoding/csv is not used since it
// takes the CR out of a CR LF in quotes.
func decodeCSV(m message, list *Records) error {
	if !list.room(maxEscaped * len(m.data)) {
		return errMemory
	}
	o := &m.options.CSV
	c := csvReader{data: m.data, separator: []byte(o.Separator)}
	for c.pos < len(c.data) {
		if c.lineBreak() {
			continue
		}
		for column := 0; ; column++ {
			value, err := c.value(list)
			if err != nil {
				return err
			}
			if err := list.addPair(list.columnName(o, column), value); err != nil {
				return err
			}
			if c.pos == len(c.data) || c.lineBreak() {
				break
			}
			c.pos += len(c.separator) // value stops only before one
		}
		if err := list.wrotePairs(m.options); err != nil {
			return err
		}
	}
	return nil
}

// columnName returns the name of a column: c5 for the fifth if the options name no
// other.
func (l *Records) columnName(o *CSVOptions, column int) []byte {
	start := len(l.text)
	if column < len(o.Fields) {
		l.text = append(l.text, o.Fields[column]...)
	} else {
		l.text = strconv.AppendInt(append(l.text, 'c'), int64(column)+1, 10)
	}
	return l.text[start:len(l.text):len(l.text)]
}

type csvReader struct {
	data      []byte
	pos       int
	separator []byte
}

// lineBreak reads a LF or a CR LF if it is next.
func (c *csvReader) lineBreak() bool {
	rest := c.data[c.pos:]
	switch {
	case bytes.HasPrefix(rest, []byte("\n")):
		c.pos++
	case bytes.HasPrefix(rest, []byte("\r\n")):
		c.pos += 2
	default:
		return false
	}
	return true
}

// value reads up to a separator, a line break or the end. Quotes that are not the
// first character of a value stand for themselves.
func (c *csvReader) value(list *Records) ([]byte, error) {
	if c.pos < len(c.data) && c.data[c.pos] == '"' {
		return c.quoted(list)
	}
	start := c.pos
	for ; c.pos < len(c.data); c.pos++ {
		switch c.data[c.pos] {
		case '\n':
			if c.pos > start && c.data[c.pos-1] == '\r' {
				c.pos-- // the CR is part of the line break
			}
			return c.data[start:c.pos], nil
		case c.separator[0]:
			if bytes.HasPrefix(c.data[c.pos:], c.separator) {
				return c.data[start:c.pos], nil
			}
		}
	}
	return c.data[start:], nil
}

func (c *csvReader) quoted(list *Records) ([]byte, error) {
	open := c.pos
	start := len(list.text)
	for c.pos++; ; {
		at := bytes.IndexByte(c.data[c.pos:], '"')
		if at < 0 {
			return nil, &csvError{"unterminated quote", open}
		}
		list.text = append(list.text, c.data[c.pos:c.pos+at]...)
		c.pos += at + 1
		if c.pos == len(c.data) || c.data[c.pos] != '"' {
			break
		}
		list.text = append(list.text, '"')
		c.pos++
	}
	rest := c.data[c.pos:]
	switch {
	case len(rest) == 0, rest[0] == '\n', bytes.HasPrefix(rest, []byte("\r\n")), bytes.HasPrefix(rest, c.separator):
		return list.text[start:len(list.text):len(list.text)], nil
	}
	return nil, &csvError{"text after a closing quote", c.pos}
}
