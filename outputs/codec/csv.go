// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/elastic/beats/v7/libbeat/beat"
	conf "github.com/elastic/elastic-agent-libs/config"
)

func init() {
	Register("csv", Kind{
		New:      newCSV,
		Framings: []string{"message", "lines"},
		Formats:  map[string]string{"csv": "lines"},
		Options:  func() Options { return defaultCSVOptions() },
	})
}

// csvOptions are the options of the csv codec.
type csvOptions struct {
	// Fields are the columns, as dotted keys of the event; @timestamp and
	// @metadata._id are such keys too. They are required.
	Fields []string `config:"fields"`
	// Separator is the character between columns, a comma by default.
	Separator string `config:"separator"`
	// Header can only be false: a stream has no header line.
	Header bool `config:"header"`
}

// defaultCSVOptions returns options without fields, which are required.
func defaultCSVOptions() *csvOptions { return &csvOptions{Separator: ","} }

// Validate returns an error for every setting that can't be used, with its name.
func (o *csvOptions) Validate() error {
	var problems []error
	if len(o.Fields) == 0 {
		problems = append(problems, errors.New("fields: is required, the columns in their order"))
	}
	if slices.Contains(o.Fields, "") {
		problems = append(problems, errors.New("fields: holds an empty name"))
	}
	separator, width := utf8.DecodeRuneInString(o.Separator)
	switch {
	case width == 0, width != len(o.Separator), separator == utf8.RuneError:
		problems = append(problems, fmt.Errorf("separator: must be one character, is %q", o.Separator))
	case strings.ContainsRune("\"\r\n\x00", separator):
		problems = append(problems, fmt.Errorf("separator: can't be a quote, a line break or NUL, is %q", o.Separator))
	}
	if o.Header {
		problems = append(problems, errors.New("header: only false is accepted: a stream has no header line; receivers need the columns from fields"))
	}
	return errors.Join(problems...)
}

// csvEncoder writes the columns of RFC 4180, without a line break at the end.
type csvEncoder struct {
	values  jsonValues
	options *csvOptions // shared by all encoders
	scratch []byte      // the text of a value that is not a string
}

func newCSV(_ beat.Info, cfg *conf.C) (func() Encoder, error) {
	o := defaultCSVOptions()
	if err := readOptions(cfg, o); err != nil {
		return nil, err
	}
	times := newTimeFormat()
	return func() Encoder {
		return &csvEncoder{values: jsonValues{times: times}, options: o}
	}, nil
}

func (e *csvEncoder) Append(dst []byte, event *beat.Event) ([]byte, error) {
	start, record := len(dst), dst
	for i, field := range e.options.Fields {
		if i > 0 {
			record = append(record, e.options.Separator...)
		}
		var err error
		if record, err = e.appendColumn(record, event, field); err != nil {
			return dst, err
		}
	}
	if len(record) == start {
		// The only column is empty. Most readers skip an empty line.
		record = append(record, '"', '"')
	}
	return record, nil
}

// appendColumn appends the value of a field, nothing if there is none.
func (e *csvEncoder) appendColumn(dst []byte, event *beat.Event, field string) ([]byte, error) {
	if field == timestampField {
		e.scratch = e.values.times.append(e.scratch[:0], event.Timestamp)
		return appendCSVText(dst, e.scratch, e.options.Separator), nil
	}
	fields := event.Fields
	key, ofMetadata := strings.CutPrefix(field, metadataField+".")
	if ofMetadata {
		fields = event.Meta
	}
	v, _ := lookup(fields, key)
	if v, ok := v.(string); ok {
		return appendCSVText(dst, v, e.options.Separator), nil
	}
	var err error
	if e.scratch, _, err = e.values.appendText(e.scratch[:0], v, 1); err != nil {
		return dst, err
	}
	return appendCSVText(dst, e.scratch, e.options.Separator), nil
}

// appendCSVText appends s, in quotes if it holds a quote, a line break or the
// separator.
func appendCSVText[T stringOrBytes](dst []byte, s T, separator string) []byte {
	start := len(dst)
	dst = append(dst, s...)
	written := dst[start:]
	if !bytes.ContainsAny(written, "\"\r\n") && !bytes.Contains(written, []byte(separator)) {
		return dst
	}
	dst = append(dst[:start], '"')
	for i := range len(s) {
		if s[i] == '"' {
			dst = append(dst, '"')
		}
		dst = append(dst, s[i])
	}
	return append(dst, '"')
}

var _ Encoder = (*csvEncoder)(nil)
