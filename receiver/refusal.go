// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"filebeat-websocket/protocol"
)

// Refusal is the error with which Consume or Commit refuses records. A client that
// speaks filebeat.ack.v1 gets a nack, and its connection stays open. The connection
// of any other client is closed, with 1013 if Retry is set and with 1007 if not, after
// everything before was answered.
type Refusal struct {
	// Reason is sent to the client: a few words, of which a Close frame holds 123
	// bytes. It must not contain secrets.
	Reason string
	// Retry asks the client to send the records again. Without it they are dropped
	// for good. A Commit's refusal counts as if it were set.
	Retry bool
	// Records are the refused ones, as indexes of Message.Records; the others were
	// taken. Empty means that all were refused. Commit leaves it empty.
	Records []int
	// Pause, with Retry, asks a client that speaks filebeat.ack.v1 to send nothing new
	// for so long. 0 leaves that to the client.
	Pause time.Duration
	// Cause is for Observer.Refused and End.Cause and never goes to the client.
	Cause error
}

// Error returns the reason and the cause.
func (r *Refusal) Error() string {
	if r.Cause == nil {
		return r.Reason
	}
	return r.Reason + ": " + r.Cause.Error()
}

// Unwrap returns the cause.
func (r *Refusal) Unwrap() error { return r.Cause }

// longestPause returns the longest pause that the refusals in list ask for.
func longestPause(list []reply) (pause time.Duration) {
	for i := range list {
		if refusal := list[i].refusal; refusal != nil && refusal.Retry {
			pause = max(pause, refusal.Pause)
		}
	}
	return pause
}

// nack returns the reply that refuses one message.
func (r *Refusal) nack(number uint64) protocol.Reply {
	return protocol.Reply{Nack: number, Reason: r.Reason, Retry: r.Retry, Records: r.Records}
}

// refusalOf returns the Refusal in an error of Commit, or a general one.
func refusalOf(err error) *Refusal {
	if refusal, ok := errors.AsType[*Refusal](err); ok {
		return &Refusal{Reason: refusal.Reason, Retry: true, Pause: refusal.Pause, Cause: refusal.Cause}
	}
	return &Refusal{Reason: "could not be stored", Retry: true, Cause: err}
}

// refusalOfMessage turns what the Sink refused, of the records that it was given,
// into what the client is told about the message: bad are the indexes in it of the
// records that could not be read, for which problem is the reason, and total is how
// many there are with these. nil means that all of the message was taken.
func refusalOfMessage(said *Refusal, bad []int, problem error, total int) *Refusal {
	if said == nil {
		if len(bad) == 0 {
			return nil
		}
		return &Refusal{Reason: problem.Error(), Records: slices.Clone(bad)}
	}
	if len(said.Records) == 0 {
		return said
	}
	// Of two refusals with different Retry the one that may be sent again wins: a
	// bad record is then refused once more, which is no loss.
	message := &Refusal{Reason: said.Reason, Retry: said.Retry, Pause: said.Pause, Cause: said.Cause}
	given := 0 // index among the records that the Sink was given
	for i := range total {
		_, isBad := slices.BinarySearch(bad, i)
		if !isBad {
			_, isBad = slices.BinarySearch(said.Records, given)
			given++
		}
		if isBad {
			message.Records = append(message.Records, i)
		}
	}
	if len(message.Records) == total {
		message.Records = nil
	}
	return message
}

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

var _ error = (*Refusal)(nil)
