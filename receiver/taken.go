// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"errors"
	"fmt"
	"slices"
)

// Outcome is what became of the records that a Sink was given.
type Outcome struct {
	// Count is how many were taken.
	Count int
	// Refusal says why the others were not: nil if all were taken, or if Err is set.
	// Its Records are sorted, and each is there once.
	Refusal *Refusal
	// Err is set if the Sink failed: none of the records counts as taken.
	Err error
}

// Taken returns which of count records were taken by a Sink whose Consume returned
// err.
func Taken(err error, count int) Outcome {
	if err == nil {
		return Outcome{Count: count}
	}
	refusal, ok := errors.AsType[*Refusal](err)
	if !ok {
		return Outcome{Err: err}
	}
	if len(refusal.Records) == 0 {
		return Outcome{Refusal: refusal}
	}
	records := slices.Compact(slices.Sorted(slices.Values(refusal.Records)))
	for _, i := range []int{records[0], records[len(records)-1]} {
		if i < 0 || i >= count {
			// The refusal is not wrapped: it must not count as one further out.
			return Outcome{Err: fmt.Errorf("the refusal names record %d of %d: %s", i, count, refusal.Error())}
		}
	}
	sorted := &Refusal{Reason: refusal.Reason, Retry: refusal.Retry, Records: records, Pause: refusal.Pause, Cause: refusal.Cause}
	return Outcome{Count: count - len(records), Refusal: sorted}
}

// Reason returns the Refusal or Err as one error, nil if all was taken.
func (o Outcome) Reason() error {
	if o.Refusal != nil {
		return o.Refusal
	}
	return o.Err
}

// Some reports whether the message was taken, at least in part. One without
// records is taken as a whole.
func (o Outcome) Some() bool { return o.Count > 0 || o.Err == nil && o.Refusal == nil }
