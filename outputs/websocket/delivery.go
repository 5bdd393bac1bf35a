// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/elastic/beats/v7/libbeat/publisher"

	"filebeat-websocket/outputs/websocket/ack"
	"filebeat-websocket/outputs/websocket/internal/conn"
	"filebeat-websocket/outputs/websocket/internal/session"
)

// delivery is one try to deliver a publisher.Batch. It goes out in one portion,
// or in several while a connection is young and slow_start is on. A delivery is
// the one place that signals its batch and that tells the Observer, and does
// each once: every event is counted as one of acked, failed and dropped.
//
// Publish begins it, and the session settles its portions on goroutines of its
// own choice; whoever lets go last finishes it.
type delivery struct {
	client *client
	batch  publisher.Batch
	begun  time.Time
	total  int // events in the batch

	events  []publisher.Event // those that can be sent; may be the batch's own slice, so nothing changes it
	records []*record         // of events, same order
	chunks  []chunk           // the messages they make
	dropped []*record         // those that can't be sent

	mutex   sync.Mutex
	holders int // portions in flight, and Publish
	sent    int // chunks that the session took
	fates   []fate
	cause   error // why the connection ended, if it did before all was settled
	alone   bool  // nothing else was in flight then
}

// fate is what becomes of an event.
type fate uint8

const (
	lost      fate = iota // not confirmed: sent again
	confirmed             // in the receiver's care
	again                 // refused for now: sent again
	halved                // in a message that was refused for good: sent again in smaller ones
	refused               // refused for good: dropped
)

// newDelivery begins a delivery, held by its caller.
func newDelivery(c *client, batch publisher.Batch) *delivery {
	d := &delivery{client: c, batch: batch, begun: time.Now(), holders: 1}
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
	d.events, d.records, d.dropped = split(all)
	if len(d.records) > 0 {
		if c.format.tag != nil {
			d.events, d.records = gather(d.events, d.records)
		}
		d.chunks = cut(d.records, c.format, int(c.config.MaxMessageBytes))
	}
	d.fates = make([]fate, len(d.records))
	return d
}

// send hands the portions to the session, and lets go of the delivery.
func (d *delivery) send(s *session.Session) error {
	defer d.release()
	for d.sent < len(d.chunks) {
		p := &portion{delivery: d, chunks: d.chunks[d.sent:d.client.portionEnd(d.chunks, d.sent)]}
		d.hold(p, 1)
		taken, err := s.Send(p)
		if !taken {
			d.hold(p, -1)
			return err
		}
		d.sent += len(p.chunks)
		d.client.stats.sent.Add(uint64(len(p.chunks)))
		if err != nil {
			return err
		}
	}
	return nil
}

// hold counts a portion in, or out again if it was not taken.
func (d *delivery) hold(p *portion, portions int) {
	d.mutex.Lock()
	d.holders += portions
	d.mutex.Unlock()
	d.client.stats.inFlight(p.chunks, portions)
}

func (d *delivery) release() {
	d.mutex.Lock()
	d.holders--
	last := d.holders == 0
	d.mutex.Unlock()
	if last {
		d.finish()
	}
}

// portion is the run of a delivery's messages that a session gets at once.
type portion struct {
	*delivery
	chunks  []chunk
	scratch [][]byte
}

// Messages implements session.Batch.
func (p *portion) Messages() int { return len(p.chunks) }

// Size implements session.Batch.
func (p *portion) Size(i int) int { return p.chunks[i].bytes }

// AppendTo implements session.Batch.
func (p *portion) AppendTo(dst []byte, i int) []byte {
	p.scratch = p.scratch[:0]
	for _, r := range p.records[p.chunks[i].start:p.chunks[i].end] {
		p.scratch = append(p.scratch, r.data)
	}
	group := p.records[p.chunks[i].start].group
	return p.client.format.layout(group).Append(dst, p.scratch)
}

// Alone implements session.Batch.
func (p *portion) Alone() bool {
	return slices.ContainsFunc(p.records[p.chunks[0].start:p.chunks[len(p.chunks)-1].end],
		func(r *record) bool { return r.suspect })
}

// Settled implements session.Batch.
func (p *portion) Settled(outcome session.Outcome) {
	d := p.delivery
	d.mutex.Lock()
	for i := range outcome.Confirmed {
		for event := p.chunks[i].start; event < p.chunks[i].end; event++ {
			d.fates[event] = confirmed
		}
	}
	for _, i := range outcome.Apart {
		for event := p.chunks[i].start; event < p.chunks[i].end; event++ {
			d.fates[event] = confirmed
		}
	}
	for _, refusal := range outcome.Refused {
		d.refuse(p.chunks[refusal.Message], refusal)
	}
	if outcome.Cause != nil {
		d.cause, d.alone = outcome.Cause, outcome.Alone
	}
	d.mutex.Unlock()

	d.client.stats.inFlight(p.chunks, -1)
	d.client.stats.settled(outcome, time.Since(d.begun))
	d.client.grow(outcome)
	d.release()
}

// refuse notes the fate of a message's records. A message that is refused for
// good as a whole, and holds several records, may owe that to one of them: they
// go out again in two halves, until the one at fault stands alone. A refusal of
// records that the message does not have is one of the whole message: what is
// meant is not known, and nothing may count as taken.
func (d *delivery) refuse(c chunk, refusal ack.Refusal) {
	count := c.end - c.start
	whole := !slices.ContainsFunc(refusal.Records, func(i int) bool { return i < count })
	for i := range count {
		r := d.records[c.start+i]
		switch {
		case !whole && !slices.Contains(refusal.Records, i):
			d.fates[c.start+i] = confirmed
		case refusal.Retry:
			d.fates[c.start+i] = again
		case whole && count > 1:
			d.fates[c.start+i] = halved
			r.run = (count + 1) / 2
		default:
			d.fates[c.start+i] = refused
			r.reason, r.err = reasonRefused, fmt.Errorf("the receiver says: %.100q", refusal.Reason)
		}
	}
}

// finish signals the batch. Nobody else uses the delivery any more.
func (d *delivery) finish() {
	if d.sent == 0 && len(d.chunks) > 0 {
		d.cancelled()
		return
	}
	split := d.blame()
	acked, rest := d.sort(split)
	if len(rest) > 0 && d.client.lifecycle.keepBatches() {
		d.keep()
		return
	}
	observer := d.client.observer
	if split && len(rest) == d.total {
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
		d.client.proven.Store(true)
		observer.ReportLatency(time.Since(d.begun))
	}
	for i, r := range d.records {
		if d.fates[i] == confirmed {
			r.recycle()
		}
	}
	if len(rest) > 0 {
		d.batch.RetryEvents(rest)
		return
	}
	d.batch.ACK()
}

// sort counts the confirmed events, collects those that are sent again, and
// adds those that are given up to the dropped ones.
func (d *delivery) sort(split bool) (acked int, rest []publisher.Event) {
	for i, r := range d.records {
		switch d.fates[i] {
		case confirmed:
			acked++
			continue
		case refused:
			d.dropped = append(d.dropped, r)
			continue
		case again:
			r.attempts++
		case lost:
			if !split {
				r.attempts++
			}
		case halved: // goes out differently, which costs no attempt
		}
		if d.client.usedUp(r) {
			r.reason, r.err = reasonRetryLimit, errUsedUp
			d.dropped = append(d.dropped, r)
			continue
		}
		rest = append(rest, d.events[i])
	}
	return acked, rest
}

// blame looks at a connection that the receiver ended over something that was
// sent. It reports whether the batch has to be split to find out what. Its
// records go alone from then on. The one that is known to be at fault, because
// nothing else was in flight, is refused.
func (d *delivery) blame() (split bool) {
	var closed *conn.CloseError
	if !errors.As(d.cause, &closed) {
		return false
	}
	switch closed.Code {
	case closeUnsupported, closeInvalidData, closeTooBig:
	default:
		return false
	}
	suspects := 0
	for i, r := range d.records {
		if d.fates[i] == lost {
			suspects++
			if suspects == 1 && d.total == 1 && d.alone {
				d.fates[i] = refused
				r.reason, r.err = reasonRefused, closed
				return false
			}
			r.suspect = true
		}
	}
	return suspects > 1
}

// Close codes with which a receiver refuses what it got (RFC 6455 7.4.1).
const (
	closeUnsupported = 1003
	closeInvalidData = 1007
	closeTooBig      = 1009
)

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

var _ session.Batch = (*portion)(nil)
