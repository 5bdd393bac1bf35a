// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"sync"

	"github.com/elastic/beats/v7/libbeat/publisher"
)

// Reasons for dropping an event that are not a codec's own. They are labels of a
// metric, so there are few.
const (
	reasonMaxLen          = "max_len"           // the line is longer than max_len
	reasonMaxMessageBytes = "max_message_bytes" // the record alone is longer than a message may be
	reasonRefused         = "refused"           // the receiver refused it for good
	reasonRetryLimit      = "retry_limit"       // drop_after_retry_limit
)

// record is one encoded event, or the reason why there is none. It travels
// through the queue in the place of the event's content, and stays with the
// event while it is retried.
type record struct {
	data   []byte
	isJSON bool   // data is the event as JSON
	group  string // what the messages name that it may go in, such as a tag; empty if they name nothing

	reason string // why the event has to be dropped, empty if it can be sent
	err    error  // says more about the reason, never content of the event
	event  []byte // of an event that was dropped before it had data: its JSON, for the dead letter file

	attempts int  // how often it was sent and lost
	suspect  bool // the receiver ended a connection that it was on: it goes alone now
	run      int  // most records in a message with it, 0 for any number: less after a refusal
}

// recordPool holds records whose event was confirmed, so that their memory serves
// the next events. A delivery puts a record here once the pipeline has no more
// use for its event, and the encoder one that no event has got.
var recordPool = sync.Pool{New: func() any { return new(record) }}

// keepRecordBytes is the largest record whose memory is kept for others.
const keepRecordBytes = 16 << 10

func (r *record) recycle() {
	if cap(r.data) > keepRecordBytes {
		return
	}
	*r = record{data: r.data[:0]}
	recordPool.Put(r)
}

// recordOf returns the record of an event that went through the encoder.
func recordOf(event *publisher.Event) *record {
	r, _ := event.EncodedEvent.(*record)
	return r
}
