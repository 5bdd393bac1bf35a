// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"time"

	"github.com/elastic/beats/v7/libbeat/publisher"

	"filebeat-websocket/outputs/websocket/internal/session"
)

// delivery is one try to deliver a publisher.Batch. It is the one place that
// signals the batch and that tells the Observer, and does each once: every event
// is counted as one of acked, failed or dropped.
//
// The session calls Confirmed or Lost, on a goroutine of its choice, when
// nothing reads the records any more.
type delivery struct {
	client *client
	batch  publisher.Batch
	begun  time.Time
	total  int // events in the batch

	events  []publisher.Event // those that can be sent
	records [][]byte          // of events, same order
	chunks  []chunk           // the messages they make
	dropped []*record         // of the events that can't be sent
}

// newDelivery takes the events that can be sent out of a batch and cuts them
// into messages.
func newDelivery(c *client, batch publisher.Batch, events []publisher.Event) *delivery {
	d := &delivery{client: c, batch: batch, begun: time.Now(), total: len(batch.Events())}
	c.observer.NewBatch(d.total)
	if len(events) == 0 {
		return d
	}
	d.events = make([]publisher.Event, 0, len(events))
	d.records = make([][]byte, 0, len(events))
	for _, event := range events {
		r, encoded := event.EncodedEvent.(*record)
		if !encoded {
			entry, _ := c.encoder.EncodeEntry(event)
			event, _ = entry.(publisher.Event)
			r, _ = event.EncodedEvent.(*record)
		}
		if r.reason != "" {
			d.dropped = append(d.dropped, r)
			continue
		}
		d.events = append(d.events, event)
		d.records = append(d.records, r.data)
	}
	if len(d.records) > 0 {
		d.chunks = cut(nil, d.records, c.format.framing, int(c.config.MaxMessageBytes))
	}
	return d
}

// Messages implements session.Batch.
func (d *delivery) Messages() int { return len(d.chunks) }

// Size implements session.Batch.
func (d *delivery) Size(i int) int { return d.chunks[i].bytes }

// AppendTo implements session.Batch.
func (d *delivery) AppendTo(dst []byte, i int) []byte {
	start := 0
	if i > 0 {
		start = d.chunks[i-1].end
	}
	return d.client.format.framing.Append(dst, d.records[start:d.chunks[i].end])
}

// Confirmed implements session.Batch: the events are in the receiver's care.
func (d *delivery) Confirmed() {
	d.client.proven.Store(true)
	d.client.observer.ReportLatency(time.Since(d.begun))
	d.ack()
}

func (d *delivery) ack() {
	d.client.observer.AckedEvents(len(d.events))
	d.countDropped()
	for _, event := range d.events {
		if r, ok := event.EncodedEvent.(*record); ok {
			r.recycle()
		}
	}
	d.batch.ACK()
}

// Lost implements session.Batch: the connection ended before the confirmation,
// so the events are sent again, maybe for the second time.
func (d *delivery) Lost(error) {
	if d.client.lifecycle.keepBatches() {
		d.keep()
		return
	}
	d.client.observer.RetryableErrors(len(d.events))
	d.countDropped()
	d.batch.RetryEvents(d.events)
}

// cancelled gives back a batch of which nothing was written. That costs none of
// its attempts.
func (d *delivery) cancelled() {
	if d.client.lifecycle.keepBatches() {
		d.keep()
		return
	}
	d.client.observer.RetryableErrors(d.total)
	d.batch.Cancelled()
}

// keep leaves the batch without a signal; lifecycle says why.
func (d *delivery) keep() {
	d.client.observer.RetryableErrors(d.total)
	d.client.log.Infof("%d events were not confirmed before the end; they will be sent again after the next start", d.total)
}

func (d *delivery) countDropped() {
	if len(d.dropped) == 0 {
		return
	}
	d.client.observer.PermanentErrors(len(d.dropped))
	d.client.drops.count(d.dropped)
}

var _ session.Batch = (*delivery)(nil)
