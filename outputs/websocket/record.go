// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"sync"
	"unicode/utf8"

	"github.com/elastic/beats/v7/libbeat/publisher"

	"filebeat-websocket/outputs/websocket/internal/deadletter"
	"filebeat-websocket/outputs/websocket/internal/lag"
)

// Reasons for dropping an event, besides those of the codecs. They are labels of a
// metric, so there are only a few.
const (
	reasonMaxLen          = "max_len"           // the line is longer than max_len
	reasonMaxMessageBytes = "max_message_bytes" // the record alone is longer than a message may be
	reasonRefused         = "refused"           // the receiver refused it for good
	reasonRetryLimit      = "retry_limit"       // drop_after_retry_limit
)

// record is one encoded event, or the reason why there is none. It replaces the
// event's content in the queue, and stays with the event while it is retried.
type record struct {
	data   []byte
	number uint64 // of the message that it begins, if messages have one; 0 before that is sent
	isJSON bool   // data is the event as JSON
	group  string // what its message has to name, such as a tag; empty if messages name nothing

	reason string // why the event has to be dropped, empty if it can be sent
	err    error  // details of the reason, never content of the event
	event  []byte // of an event that was dropped before it had data: its JSON, for the dead letter file

	mark lag.Mark // of the event, settled when it is confirmed or dropped

	attempts int  // how often it was sent and lost
	suspect  bool // it was in flight when the receiver ended a connection over content: now sent alone
	run      int  // maximum records in its message, less after each refusal; 0 for any number
}

// recordPool reuses the memory of records. A delivery puts confirmed records here,
// whose events the pipeline does not look at any more, and the encoder puts records
// here that no event has.
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

// letter returns a dropped record for the dead letter file.
func (r *record) letter() deadletter.Letter {
	letter := deadletter.Letter{Reason: r.reason, Event: r.event}
	if r.err != nil {
		letter.Error = r.err.Error()
	}
	switch {
	case r.event != nil || len(r.data) == 0:
	case r.isJSON:
		letter.Event = r.data
	case utf8.Valid(r.data):
		letter.Text = string(r.data)
	default:
		letter.Binary = r.data
	}
	return letter
}
