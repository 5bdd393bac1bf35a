// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"errors"
	"fmt"
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
	// Records are the refused ones, as indexes of Batch.Records; the others were
	// taken. Empty means that all were refused. Commit leaves it empty.
	Records []int
	// Cause is for Options.OnRefuse and ConnEnd.Cause and never goes to the client.
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
	refusal := (*Refusal)(nil)
	if errors.As(err, &refusal) {
		return &Refusal{Reason: refusal.Reason, Retry: true, Cause: refusal.Cause}
	}
	return &Refusal{Reason: "could not be stored", Retry: true, Cause: err}
}

// refusalOfMessage turns what Consume said about the records that it saw, the
// good ones of list, into what is to be said about the message. nil means that
// all of it was taken.
func refusalOfMessage(err error, list *recordList) (*Refusal, error) {
	if err == nil {
		if len(list.bad) == 0 {
			return nil, nil
		}
		return &Refusal{Reason: list.problem.Error(), Records: slices.Clone(list.bad)}, nil
	}
	said := (*Refusal)(nil)
	if !errors.As(err, &said) {
		return nil, err
	}
	if len(said.Records) == 0 {
		return said, nil
	}
	// Of two refusals with different Retry the one that may be sent again wins: a
	// bad record is then refused once more, which is no loss.
	refused := make([]bool, list.total())
	seen := make([]int, 0, len(list.records)) // index in the message of each that Consume saw
	for i := range refused {
		if _, refused[i] = slices.BinarySearch(list.bad, i); !refused[i] {
			seen = append(seen, i)
		}
	}
	for _, i := range said.Records {
		if i < 0 || i >= len(seen) {
			return nil, fmt.Errorf("the refusal names record %d of %d: %w", i, len(seen), err)
		}
		refused[seen[i]] = true
	}
	message := &Refusal{Reason: said.Reason, Retry: said.Retry, Cause: said.Cause}
	for i, is := range refused {
		if is {
			message.Records = append(message.Records, i)
		}
	}
	if len(message.Records) == list.total() {
		message.Records = nil
	}
	return message, nil
}

var _ error = (*Refusal)(nil)
