// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import "errors"

// The reasons of a DropError. They are used as metric labels, so there are few.
const (
	// ReasonNoMessage means that the event has no message field with text.
	ReasonNoMessage = "no_message"
	// ReasonEncode means that the codec cannot write one of the values.
	ReasonEncode = "encode"
)

// DropError means that an event has no record, now or later.
type DropError struct {
	// Reason is one of the Reason constants.
	Reason string
	// Err is the cause. Its text never holds values or keys of the event, since both
	// can come from the log line.
	Err error
}

// Error returns the reason and the cause, without content of the event.
func (e *DropError) Error() string { return e.Reason + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *DropError) Unwrap() error { return e.Err }

func encodeError(err error) *DropError { return &DropError{Reason: ReasonEncode, Err: err} }

var errNoMessage = &DropError{
	Reason: ReasonNoMessage,
	Err:    errors.New("the event has no message field that is text"),
}
