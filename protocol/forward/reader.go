// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"errors"
	"fmt"

	"github.com/tinylib/msgp/msgp"
)

// ErrMessage is wrapped by the error for an invalid message. The text of the error does
// not quote the message.
var ErrMessage = errors.New("not a message of Fluent Forward")

// MaxTextBytes is the maximum length of a string that a message of the handshake, or a
// confirmation, may contain: digests have 128 bytes, names fewer than 256.
const MaxTextBytes = 1024

// reader parses a message. After the first failure it returns zero values, so that only
// end has to be checked for an error.
type reader struct {
	rest []byte
	what string // what the message should be
	err  error
}

// fail notes the first problem.
func (r *reader) fail(problem string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: a %s %s", ErrMessage, r.what, problem)
	}
	r.rest = nil
}

// take continues after what a function of msgp has read. It drops the text of the
// library's errors, which may quote the message.
func (r *reader) take(rest []byte, err error, wanted string) bool {
	if r.err != nil {
		return false
	}
	if err != nil {
		r.fail("without " + wanted)
		return false
	}
	r.rest = rest
	return true
}

// begin reads the header of an array and its first element, the name of the message. It
// returns the number of elements.
func (r *reader) begin(least, most uint32) uint32 {
	elements, rest, err := msgp.ReadArrayHeaderBytes(r.rest)
	if !r.take(rest, err, "the array that it should be") {
		return 0
	}
	if elements < least || elements > most {
		r.fail("of a wrong length")
		return 0
	}
	if r.text() != r.what {
		r.fail("with another name")
	}
	return elements
}

// mapHeader returns the number of pairs that follow. Each has at least two bytes, so a
// false number cannot make a loop longer than the message.
func (r *reader) mapHeader() uint32 {
	pairs, rest, err := msgp.ReadMapHeaderBytes(r.rest)
	if !r.take(rest, err, "the map that it should have") {
		return 0
	}
	if uint64(pairs)*2 > uint64(len(rest)) {
		r.fail("that ends too soon")
		return 0
	}
	return pairs
}

// text reads a str or a bin.
func (r *reader) text() string {
	var value, rest []byte
	var err error
	if msgp.NextType(r.rest) == msgp.BinType {
		value, rest, err = msgp.ReadBytesZC(r.rest)
	} else {
		value, rest, err = msgp.ReadStringZC(r.rest)
	}
	if !r.take(rest, err, "a text that it should have") {
		return ""
	}
	if len(value) > MaxTextBytes {
		r.fail("with a text that is too long")
		return ""
	}
	return string(value)
}

// optionalText reads a text, or nil for none.
func (r *reader) optionalText() string {
	if r.err == nil && msgp.IsNil(r.rest) {
		r.rest = r.rest[1:]
		return ""
	}
	return r.text()
}

func (r *reader) bool() bool {
	value, rest, err := msgp.ReadBoolBytes(r.rest)
	return r.take(rest, err, "a boolean that it should have") && value
}

// skip skips a value. The library limits its depth, far below what the stack allows.
func (r *reader) skip() {
	rest, err := msgp.Skip(r.rest)
	r.take(rest, err, "a value that it should have")
}

// end returns the error of the message. Nothing may follow.
func (r *reader) end() error {
	if r.err == nil && len(r.rest) > 0 {
		r.fail("that does not end where it should")
	}
	return r.err
}
