// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package decode

import (
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"
)

// DefaultMaxMessageBytes is Options.MaxMessageBytes unless set: 1 MiB.
const DefaultMaxMessageBytes = 1 << 20

// Options configure a Decoder. All may be left out.
type Options struct {
	// MaxMessageBytes is the maximum length of all compressed parts of a message together,
	// once inflated. A multiple of it bounds the records of formats other than JSON. It
	// does not bound the message itself. 1 MiB unless set.
	MaxMessageBytes int64

	// CSV, Form, LTSV and Msgpack are for the formats of these names; LTSV also for auto.
	CSV     CSVOptions
	Form    FormOptions
	LTSV    LTSVOptions
	Msgpack MsgpackOptions
}

// MsgpackOptions are for the format msgpack.
type MsgpackOptions struct {
	// BareRecords also accepts records without a time, as Fluentd writes them.
	BareRecords bool
}

// FormOptions are for the format form.
type FormOptions struct {
	// OneRecord makes one record of a message, with the line breaks in its values, as
	// the body of an HTTP request is read. Otherwise each line is a record.
	OneRecord bool
}

// CSVOptions are for the format csv.
type CSVOptions struct {
	// Fields are the names of the columns, in their order. A column without one is
	// called by its number: c1, c2 and so on.
	Fields []string
	// Separator is the character between columns, a comma unless set.
	Separator string
}

// LTSVOptions are for the format ltsv.
type LTSVOptions struct {
	// Escape turns \t, \r, \n and \\ in values into what they stand for.
	Escape bool
	// Delimiter separates fields, a TAB unless set, and LabelDelimiter a label from its
	// value, a colon unless set. With & and = the values are
	// percent-decoded, as those of a form are.
	Delimiter, LabelDelimiter string
}

func (o *Options) complete() error {
	if o.MaxMessageBytes < 0 {
		return errors.New("option MaxMessageBytes can't be negative")
	}
	if o.MaxMessageBytes == 0 {
		o.MaxMessageBytes = DefaultMaxMessageBytes
	}
	return errors.Join(o.CSV.complete(), o.LTSV.complete())
}

func (o *CSVOptions) complete() error {
	if o.Separator == "" {
		o.Separator = ","
	}
	separator, size := utf8.DecodeRuneInString(o.Separator)
	if size != len(o.Separator) || slices.Contains([]rune{'"', '\r', '\n', utf8.RuneError}, separator) {
		return fmt.Errorf("option CSV.Separator: %q can't be one", o.Separator)
	}
	if slices.Contains(o.Fields, "") {
		return errors.New("option CSV.Fields: a name is empty")
	}
	return nil
}

func (o *LTSVOptions) complete() error {
	if o.Delimiter == "" {
		o.Delimiter = "\t"
	}
	if o.LabelDelimiter == "" {
		o.LabelDelimiter = ":"
	}
	if o.Delimiter == o.LabelDelimiter {
		return errors.New("options LTSV.Delimiter and LTSV.LabelDelimiter can't be the same")
	}
	return nil
}

// isForm reports whether a line is a form, with its values percent-encoded.
func (o *LTSVOptions) isForm() bool { return o.Delimiter == "&" && o.LabelDelimiter == "=" }
