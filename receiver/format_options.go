// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"filebeat-websocket/protocol/forward"
)

// CSVOptions are for the format csv.
type CSVOptions struct {
	// Fields are the names of the columns, in their order. A column that has none
	// is called c1, c2 and so on, after its number.
	Fields []string
	// Separator stands between the columns, one character; a comma unless set.
	Separator string
}

// LTSVOptions are for the format ltsv.
type LTSVOptions struct {
	// Escape turns \t, \r, \n and \\ in values into what they stand for.
	Escape bool
	// Delimiter stands between fields, a TAB unless set, and LabelDelimiter between
	// a label and its value, a colon unless set. With & and = the values are
	// percent-decoded, as those of a form are.
	Delimiter, LabelDelimiter string
}

// ForwardOptions are for clients that speak Fluent Forward.
type ForwardOptions struct {
	// SharedKey, where set, makes every connection begin with the handshake of
	// Fluent Forward, whatever Options.Format is: a client that does not prove that
	// it knows the key is closed with 1008. It is at most 1024 bytes long.
	SharedKey string
	// Users, where set, are the passwords of those who may come in, by name; the
	// shared key alone is not enough then.
	Users map[string]string
	// Hostname is what the server calls itself in the handshake; wsreceiver unless
	// set. It is not the name of the machine, since a client leaves a server that
	// has its own name: it might be sending to itself.
	Hostname string
}

const defaultForwardHostname = "wsreceiver"

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

// isForm tells whether a line is a form, with its values percent-encoded.
func (o *LTSVOptions) isForm() bool { return o.Delimiter == "&" && o.LabelDelimiter == "=" }

func (o *ForwardOptions) complete() error {
	switch {
	case o.SharedKey == "" && len(o.Users) > 0:
		return errors.New("option Forward.Users: needs Forward.SharedKey")
	case len(o.SharedKey) > forward.MaxTextBytes:
		return fmt.Errorf("option Forward.SharedKey: longer than %d bytes", forward.MaxTextBytes)
	case len(o.Hostname) > forward.MaxTextBytes:
		return fmt.Errorf("option Forward.Hostname: longer than %d bytes", forward.MaxTextBytes)
	}
	if o.Hostname == "" {
		o.Hostname = defaultForwardHostname
	}
	return nil
}
