// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/elastic/beats/v7/libbeat/beat"
	conf "github.com/elastic/elastic-agent-libs/config"
)

func init() {
	Register("ltsv", Kind{
		New:      newLTSV,
		Framings: []string{"message", "lines"},
		Formats:  map[string]string{"ltsv": "lines"},
		Options:  func() Options { return defaultLTSVOptions() },
	})
}

// ltsvOptions are the options of the ltsv codec.
type ltsvOptions struct {
	// Escape writes TAB, CR, LF and backslash in values as \t, \r, \n and \\. By
	// default the first three become spaces.
	Escape bool `config:"escape"`
	// Delimiter stands between fields, a TAB by default. With & here and = as
	// LabelDelimiter the values are percent-encoded.
	Delimiter string `config:"delimiter"`
	// LabelDelimiter stands between a label and its value, a colon by default.
	LabelDelimiter string `config:"label_delimiter"`
	// DateFormat is the format of the time, iso8601 by default.
	DateFormat string `config:"json_date_format" shared:"true"`
}

// defaultLTSVOptions returns the options that ltsv.org describes.
func defaultLTSVOptions() *ltsvOptions {
	return &ltsvOptions{Delimiter: "\t", LabelDelimiter: ":"}
}

// Validate returns an error for every setting that can't be used, with its name.
func (o *ltsvOptions) Validate() error {
	problems := []error{
		validateDelimiter("delimiter", o.Delimiter),
		validateDelimiter("label_delimiter", o.LabelDelimiter),
	}
	if o.Delimiter == o.LabelDelimiter {
		problems = append(problems, errors.New("label_delimiter: must not be the delimiter"))
	}
	if o.Escape && o.Delimiter == `\` {
		problems = append(problems, errors.New("delimiter: can't be a backslash with escape"))
	}
	_, err := parseDateFormat(o.DateFormat, dateISO8601)
	return errors.Join(append(problems, err)...)
}

func validateDelimiter(setting, delimiter string) error {
	character, width := utf8.DecodeRuneInString(delimiter)
	switch {
	case width == 0, width != len(delimiter), character == utf8.RuneError:
		return fmt.Errorf("%s: must be one character, is %q", setting, delimiter)
	case strings.ContainsAny(delimiter, "\r\n\x00"), width == 1 && isLabelByte[delimiter[0]]:
		return fmt.Errorf("%s: can't be a line break, NUL, or what labels are made of, is %q", setting, delimiter)
	default:
		return nil
	}
}

// isForm reports whether the record is a form (WHATWG URL 5.2): names and values are then
// percent-encoded.
func (o *ltsvOptions) isForm() bool { return o.Delimiter == "&" && o.LabelDelimiter == "=" }

// isLabelByte holds the bytes that are allowed in a label of LTSV and in the name
// of a GELF field.
var isLabelByte = func() (set [256]bool) {
	for b := range set {
		set[b] = isAlphanumeric(byte(b)) || b == '_' || b == '.' || b == '-'
	}
	return set
}()

// appendLabel appends name with an underscore for each byte that a label can't
// have.
func appendLabel(dst, name []byte) []byte {
	for _, b := range name {
		if !isLabelByte[b] {
			b = '_'
		}
		dst = append(dst, b)
	}
	return dst
}

// timeLabel comes first in a record. A field of that name is left out.
const timeLabel = "time"

// ltsvEncoder writes labelled values (ltsv.org), the time first.
type ltsvEncoder struct {
	times  timeFormat
	date   dateFormat
	layout *ltsvLayout // shared by all encoders
}

func newLTSV(_ beat.Info, cfg *conf.C) (func() Encoder, error) {
	o := defaultLTSVOptions()
	if err := readOptions(cfg, o); err != nil {
		return nil, err
	}
	date, err := parseDateFormat(o.DateFormat, dateISO8601)
	if err != nil {
		return nil, err
	}
	times, layout := newTimeFormat(), newLTSVLayout(o)
	return func() Encoder { return &ltsvEncoder{times: times, date: date, layout: layout} }, nil
}

func (e *ltsvEncoder) Append(dst []byte, event *beat.Event) ([]byte, error) {
	f, err := flatten(event, e.times, '.', false)
	if err != nil {
		return dst, err
	}
	defer f.release()

	dst = append(append(dst, timeLabel...), e.layout.LabelDelimiter...)
	start := len(f.buffer)
	f.buffer = e.date.append(f.buffer, event.Timestamp)
	dst = appendLTSVValue(dst, f.buffer[start:], e.layout)
	for i := range f.leaves {
		l := &f.leaves[i]
		name := f.nameOf(l)
		if string(name) == timeLabel {
			continue
		}
		dst = append(dst, e.layout.Delimiter...)
		if len(name) == 0 {
			name = emptyLabel
		}
		dst = append(appendLabel(dst, name), e.layout.LabelDelimiter...)
		if l.ownText != "" {
			dst = appendLTSVValue(dst, l.ownText, e.layout)
		} else {
			dst = appendLTSVValue(dst, f.textOf(l), e.layout)
		}
	}
	return dst, nil
}

// emptyLabel replaces an empty name: a label has at least one byte.
var emptyLabel = []byte("_")

var _ Encoder = (*ltsvEncoder)(nil)
