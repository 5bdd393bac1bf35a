// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"errors"
	"slices"

	"filebeat-websocket/protocol"
)

// Refusal is the error by which Consume or Commit says no to records without
// ending the connection of a client that speaks filebeat.ack.v1: it becomes a
// nack. A client that does not is closed with 1013 if Retry is set, else with
// 1007, after all that came before was answered.
type Refusal struct {
	// Reason goes to the client: a few words, at most 123 bytes of them in a Close
	// frame, and nothing that is not its business.
	Reason string
	// Retry asks the client to send the records again. Without it they are dropped
	// for good. A Commit's refusal counts as if it were set.
	Retry bool
	// Records are the refused ones, as indexes of Message.Records; the others were
	// taken. Empty means that all were refused. Commit leaves it empty.
	Records []int
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

// nack is what the client reads of a refusal of one message.
func (r *Refusal) nack(number uint64) protocol.Reply {
	return protocol.Reply{Nack: number, Reason: r.Reason, Retry: r.Retry, Records: r.Records}
}

// refusalOf returns the Refusal in err, or one for all of a Commit's errors.
func refusalOf(err error) *Refusal {
	if refusal, ok := errors.AsType[*Refusal](err); ok {
		return &Refusal{Reason: refusal.Reason, Retry: true, Cause: refusal.Cause}
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
	message := &Refusal{Reason: said.Reason, Retry: said.Retry, Cause: said.Cause}
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

var _ error = (*Refusal)(nil)
