// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"github.com/elastic/beats/v7/libbeat/publisher"

	"filebeat-websocket/outputs/websocket/framing"
)

// chunk is the run of records that makes one message.
type chunk struct {
	start, end int // indexes of its first record and behind its last
	bytes      int // length of the message
}

// cut groups records into as few messages of at most maxBytes as their order
// allows. Each record is known to fit on its own. After a refusal a record takes
// fewer others with it.
func cut(records []*record, layout framing.Framing, maxBytes int) []chunk {
	most := len(records)
	if layout.Single() {
		most = 1
	}
	chunks := make([]chunk, 0, 1+len(records)/max(most, 1))
	start, recordBytes, run := 0, 0, most
	for i, r := range records {
		runWith := run
		if r.run > 0 {
			runWith = min(run, r.run)
		}
		bytesWith := layout.Size(i-start+1, recordBytes+len(r.data))
		if i > start && (i-start >= runWith || bytesWith > maxBytes) {
			chunks = append(chunks, chunk{start: start, end: i, bytes: layout.Size(i-start, recordBytes)})
			start, recordBytes, runWith = i, 0, most
			if r.run > 0 {
				runWith = min(most, r.run)
			}
		}
		recordBytes += len(r.data)
		run = runWith
	}
	return append(chunks, chunk{start: start, end: len(records), bytes: layout.Size(len(records)-start, recordBytes)})
}

// split takes the records of a batch apart: those that can be sent, and those
// that have to be dropped.
func split(events []publisher.Event) (sendable []publisher.Event, records, dropped []*record) {
	sendable = make([]publisher.Event, 0, len(events))
	records = make([]*record, 0, len(events))
	for _, event := range events {
		r := recordOf(event)
		if r.reason != "" {
			dropped = append(dropped, r)
			continue
		}
		sendable = append(sendable, event)
		records = append(records, r)
	}
	return sendable, records, dropped
}
