// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"cmp"
	"slices"

	"github.com/elastic/beats/v7/libbeat/publisher"
)

// span is the records [start, end) of a batch, which make one message.
type span struct {
	start, end int // indexes of its first record and behind its last
	bytes      int // length of the message
}

// cut groups records into as few messages of at most maxBytes as their order allows.
// Each record is known to fit on its own. A message has records of one group only,
// and after a refusal at most record.run of them.
func cut(records []*record, format *wireFormat, maxBytes int) []span {
	layout := format.layout(records[0].group)
	most := len(records)
	if layout.Single() {
		most = 1
	}
	spans := make([]span, 0, 1+len(records)/max(most, 1))
	start, recordBytes, run := 0, 0, most
	for i, r := range records {
		runWith := run
		if r.run > 0 {
			runWith = min(run, r.run)
		}
		bytesWith := layout.Size(i-start+1, recordBytes+len(r.data))
		sameGroup := r.group == records[start].group
		if i > start && (i-start >= runWith || bytesWith > maxBytes || !sameGroup) {
			spans = append(spans, span{start: start, end: i, bytes: layout.Size(i-start, recordBytes)})
			if !sameGroup {
				layout = format.layout(r.group)
			}
			start, recordBytes, runWith = i, 0, most
			if r.run > 0 {
				runWith = min(most, r.run)
			}
		}
		recordBytes += len(r.data)
		run = runWith
	}
	return append(spans, span{start: start, end: len(records), bytes: layout.Size(len(records)-start, recordBytes)})
}

// gather sorts records, and their events with them, by group. Groups keep the order
// in which they first appear, and so do the records of a group.
func gather(events []publisher.Event, records []*record) ([]publisher.Event, []*record) {
	places := map[string]int{}
	for _, r := range records {
		if _, known := places[r.group]; !known {
			places[r.group] = len(places)
		}
	}
	if len(places) == 1 {
		return events, records
	}
	order := make([]int, len(records))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Compare(places[records[a].group], places[records[b].group])
	})
	gatheredEvents, gatheredRecords := make([]publisher.Event, len(events)), make([]*record, len(records))
	for i, from := range order {
		gatheredEvents[i], gatheredRecords[i] = events[from], records[from]
	}
	return gatheredEvents, gatheredRecords
}

// sendable takes the records of a batch apart: those that can be sent, with their
// events, and those that have to be dropped. It returns all itself if none has to.
func sendable(all []publisher.Event) (events []publisher.Event, records, dropped []*record) {
	records = make([]*record, 0, len(all))
	for i := range all {
		r := recordOf(&all[i])
		if r.reason == "" {
			records = append(records, r)
		} else {
			dropped = append(dropped, r)
		}
	}
	if len(dropped) == 0 {
		return all, records, nil
	}
	events = make([]publisher.Event, 0, len(records))
	for i := range all {
		if recordOf(&all[i]).reason == "" {
			events = append(events, all[i])
		}
	}
	return events, records, dropped
}
