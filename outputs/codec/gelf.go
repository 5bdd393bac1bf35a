// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"strconv"
	"time"

	"github.com/elastic/beats/v7/libbeat/beat"
	conf "github.com/elastic/elastic-agent-libs/config"
)

func init() {
	Register("gelf", Kind{
		New:      newGELF,
		Framings: []string{"message", "lines", "array", "concat"},
		Options:  func() Options { return defaultGELFOptions() },
	})
}

// gelfOptions are the options of the gelf codec: the fields of the event, as
// dotted keys, from which the fields of GELF are filled.
type gelfOptions struct {
	// HostKey is the source of host, host.name by default.
	HostKey string `config:"host_key"`
	// ShortMessageKey is the source of short_message, message by default.
	ShortMessageKey string `config:"short_message_key"`
	// FullMessageKey is the source of full_message, error.stack_trace by default.
	FullMessageKey string `config:"full_message_key"`
	// LevelKey is the source of level, log.level by default.
	LevelKey string `config:"level_key"`
}

func defaultGELFOptions() *gelfOptions {
	return &gelfOptions{
		HostKey:         "host.name",
		ShortMessageKey: "message",
		FullMessageKey:  "error.stack_trace",
		LevelKey:        "log.level",
	}
}

// Validate returns nil: an event may have any key, and no field has an empty one.
func (o *gelfOptions) Validate() error { return nil }

// Defaults for fields that the event lacks.
const (
	originalKey     = "event.original"
	severityKey     = "log.syslog.severity.code"
	gelfPlaceholder = "-" // host and short_message are required, and not empty
)

// gelfSeparator stands between nested names. A GELF name cannot contain it, so it
// is written as an underscore, while a dot within a name stays.
const gelfSeparator = 0

// gelfEncoder writes GELF 1.1.
type gelfEncoder struct {
	times   timeFormat
	options *gelfOptions // shared by all encoders
	host    string       // for an event without one
}

func newGELF(info beat.Info, cfg *conf.C) (func() Encoder, error) {
	o := defaultGELFOptions()
	if err := readOptions(cfg, o); err != nil {
		return nil, err
	}
	host := info.Hostname
	if host == "" {
		host = gelfPlaceholder
	}
	times := newTimeFormat()
	return func() Encoder { return &gelfEncoder{times: times, options: o, host: host} }, nil
}

func (e *gelfEncoder) Append(dst []byte, event *beat.Event) ([]byte, error) {
	f, err := flatten(event, e.times, gelfSeparator, false)
	if err != nil {
		return dst, err
	}
	defer f.release()

	dst = append(dst, `{"version":"1.1","host":`...)
	if host := f.takeText(e.options.HostKey); host != nil {
		dst = f.appendJSONText(dst, host)
	} else {
		dst = appendJSONString(dst, e.host)
	}
	dst = append(dst, `,"short_message":`...)
	if message := f.takeText(e.options.ShortMessageKey); message != nil {
		dst = f.appendJSONText(dst, message)
	} else if message = f.takeText(originalKey); message != nil {
		dst = f.appendJSONText(dst, message)
	} else {
		dst = appendJSONString(dst, gelfPlaceholder)
	}
	if message := f.takeText(e.options.FullMessageKey); message != nil {
		dst = f.appendJSONText(append(dst, `,"full_message":`...), message)
	}
	dst = appendGELFTime(append(dst, `,"timestamp":`...), event.Timestamp)
	if level, ok := f.takeLevel(e.options.LevelKey); ok {
		dst = append(append(dst, `,"level":`...), digits[level])
	} else if level, ok = f.takeLevel(severityKey); ok {
		dst = append(append(dst, `,"level":`...), digits[level])
	}
	for i := range f.leaves {
		if l := &f.leaves[i]; !l.taken && l.kind != textNull {
			dst = f.appendGELFField(dst, l)
		}
	}
	return append(dst, '}'), nil
}

// appendGELFField appends an additional field. The name _id is not allowed.
func (f *flattener) appendGELFField(dst []byte, l *leaf) []byte {
	name := f.nameOf(l)
	dst = appendLabel(append(dst, `,"_`...), name)
	if string(name) == "id" {
		dst = append(dst, '_')
	}
	dst = append(dst, '"', ':')
	if l.kind == textNumber {
		return append(dst, f.textOf(l)...)
	}
	return f.appendJSONText(dst, l)
}

// appendGELFTime appends seconds with the milliseconds after the point.
func appendGELFTime(dst []byte, t time.Time) []byte {
	milliseconds := t.UnixMilli()
	if milliseconds < 0 {
		dst, milliseconds = append(dst, '-'), -milliseconds
	}
	dst = append(strconv.AppendInt(dst, milliseconds/1000, 10), '.', digits[milliseconds%1000/100])
	return appendTwoDigits(dst, int(milliseconds%100))
}

var _ Encoder = (*gelfEncoder)(nil)
