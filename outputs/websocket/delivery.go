// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"slices"
	"time"

	"github.com/elastic/beats/v7/libbeat/publisher"

	"filebeat-websocket/outputs/websocket/internal/session"
)

// delivery is one attempt to deliver a publisher.Batch: the flight that a session
// sends. Nothing else signals the batch or tells the Observer, and it does each
// once: every event is counted as exactly one of acked, failed and dropped.
//
// Publish begins it. It is used by one goroutine at a time: once the session has
// taken it, Publish leaves it alone, and the session calls Settled when its own
// Send has let go of it too.
type delivery struct {
	client *client
	batch  publisher.Batch
	begun  time.Time
	total  int // events in the batch

	events  []publisher.Event // those that can be sent; may be the batch's own slice, so nothing changes it
	records []*record         // of events, same order
	spans   []span            // the messages they make
	dropped []*record         // those that cannot be sent
	scratch [][]byte          // reused by AppendTo

	fates []fate
	probe bool  // only the first message is sent
	cause error // why the connection ended, if it did before all was settled
	alone bool  // nothing else was in flight then
	split bool  // the batch has to be split to find the record at fault
}

// newDelivery begins a delivery.
func newDelivery(c *client, batch publisher.Batch) *delivery {
	d := &delivery{client: c, batch: batch, begun: time.Now()}
	all := batch.Events()
	d.total = len(all)
	c.observer.NewBatch(d.total)
	for i := range all {
		if recordOf(&all[i]) == nil {
			// It did not come through a queue that encodes.
			entry, _ := c.encoder.EncodeEntry(all[i])
			all[i], _ = entry.(publisher.Event)
		}
	}
	d.events, d.records, d.dropped = sendable(all)
	if len(d.records) > 0 {
		if c.format.tag != nil {
			d.events, d.records = gather(d.events, d.records)
		}
		d.spans = cut(d.records, c.format, int(c.config.MaxMessageBytes))
	}
	d.fates = make([]fate, len(d.records))
	if len(d.spans) > 1 && c.probing() {
		d.probe, d.spans = true, d.spans[:1]
		for i := d.spans[0].end; i < len(d.fates); i++ {
			d.fates[i] = fateUnsent
		}
	}
	return d
}

// send hands the messages to the session, which calls Settled with the outcome. If
// there are none, or the session does not take them, send finishes the delivery.
func (d *delivery) send(s *session.Session) error {
	if len(d.spans) == 0 {
		d.finish()
		return nil
	}
	d.client.stats.takeIn(d.spans)
	taken, err := s.Send(d)
	if !taken {
		d.client.stats.takeOut(d.spans)
		d.cancel()
	}
	return err
}

// Messages implements session.Flight.
func (d *delivery) Messages() int { return len(d.spans) }

// Size implements session.Flight.
func (d *delivery) Size(i int) int { return d.spans[i].bytes }

// AppendTo implements session.Flight.
func (d *delivery) AppendTo(dst []byte, i int) []byte {
	d.scratch = d.scratch[:0]
	for _, r := range d.records[d.spans[i].start:d.spans[i].end] {
		d.scratch = append(d.scratch, r.data)
	}
	d.client.stats.sent.Inc()
	return d.client.format.message(d.records[d.spans[i].start]).Append(dst, d.scratch)
}

// Alone implements session.Flight.
func (d *delivery) Alone() bool {
	return d.probe || slices.ContainsFunc(d.records, func(r *record) bool { return r.suspect })
}

// Settled implements session.Flight.
func (d *delivery) Settled(outcome session.Outcome) {
	for _, settled := range d.spans[:outcome.Confirmed] {
		d.confirm(settled)
	}
	for _, i := range outcome.Apart {
		d.confirm(d.spans[i])
	}
	for _, refusal := range outcome.Refused {
		d.refuse(d.spans[refusal.Message], refusal)
	}
	d.cause, d.alone = outcome.Cause, outcome.Alone

	d.client.stats.takeOut(d.spans)
	d.client.stats.settled(outcome, time.Since(d.begun))
	d.split = d.blame()
	d.believe()
	d.logDeferral(outcome)
	d.client.holdBack(d)
	d.finish()
}

// finish signals the batch.
func (d *delivery) finish() {
	acked, rest := d.tally()
	if acked > 0 {
		d.client.proven.Store(true)
	}
	if len(rest) == 0 {
		d.signal(acked, nil)
		return
	}
	d.client.lifecycle.gate.Pass(func() { d.signal(acked, rest) }, d.keep)
}

// signal counts the events and signals the batch, of which rest is sent again.
func (d *delivery) signal(acked int, rest []publisher.Event) {
	observer := d.client.observer
	if d.split && len(rest) == d.total {
		observer.RetryableErrors(d.total)
		observer.BatchSplit()
		d.batch.SplitRetry() // cannot fail: blame saw more than one event
		return
	}
	observer.AckedEvents(acked)
	observer.RetryableErrors(len(rest))
	observer.PermanentErrors(len(d.dropped))
	d.client.drop(d.dropped)
	if acked > 0 {
		observer.ReportLatency(time.Since(d.begun))
	}
	settlement := d.client.lag.Begin()
	for i, r := range d.records {
		if d.fates[i] == fateConfirmed {
			settlement.Add(&r.mark)
		}
	}
	for _, r := range d.dropped {
		settlement.Add(&r.mark)
	}
	settlement.End()
	for i, r := range d.records {
		if d.fates[i] == fateConfirmed {
			r.recycle()
		}
	}
	if len(rest) > 0 {
		d.batch.RetryEvents(rest)
		return
	}
	d.batch.ACK()
}

// cancel hands back a batch of which nothing was written. That costs none of its
// attempts. A batch without messages needs no connection: it is finished.
func (d *delivery) cancel() {
	if len(d.spans) == 0 {
		d.finish()
		return
	}
	d.client.lifecycle.gate.Pass(func() {
		d.client.observer.RetryableErrors(d.total)
		d.batch.Cancelled()
	}, d.keep)
}

// keep leaves the batch without a signal, at the end of a Beat.
func (d *delivery) keep() {
	d.client.observer.RetryableErrors(d.total)
	d.client.log.Infof("%d events were not confirmed before shutdown; they will be sent again after the next start", d.total)
}

var _ session.Flight = (*delivery)(nil)
