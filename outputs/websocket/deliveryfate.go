// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"errors"
	"fmt"
	"slices"

	"github.com/elastic/beats/v7/libbeat/publisher"

	"filebeat-websocket/outputs/websocket/ack"
	"filebeat-websocket/outputs/websocket/internal/conn"
	"filebeat-websocket/outputs/websocket/internal/session"
)

// fate is what becomes of an event.
type fate uint8

const (
	fateLost      fate = iota // not confirmed: sent again
	fateConfirmed             // in the receiver's care
	fateDeferred              // refused for now: sent again
	fateHalved                // in a message that was refused for good: sent again in smaller ones
	fateRefused               // refused for good: dropped
	fateUnsent                // not part of the probe: sent again
)

// confirm notes that the records of a message are confirmed.
func (d *delivery) confirm(message span) {
	for i := message.start; i < message.end; i++ {
		d.fates[i] = fateConfirmed
	}
}

// refuse notes the fate of the records in a refused message. If a message of several
// records is refused for good as a whole, one of them may be at fault: they are sent
// again in two halves, until the one at fault is alone. A refusal that names only
// records which the message does not have counts for the whole message: it is not
// known what it means, so nothing may count as confirmed.
func (d *delivery) refuse(message span, refusal ack.Refusal) {
	count := message.end - message.start
	whole := !slices.ContainsFunc(refusal.Records, func(i int) bool { return i < count })
	for i := range count {
		r := d.records[message.start+i]
		switch {
		case !whole && !slices.Contains(refusal.Records, i):
			d.fates[message.start+i] = fateConfirmed
		case refusal.Retry:
			d.fates[message.start+i] = fateDeferred
		case whole && count > 1:
			d.fates[message.start+i] = fateHalved
			r.run = (count + 1) / 2
		default:
			d.fates[message.start+i] = fateRefused
			r.err = fmt.Errorf("the receiver says: %.100q", refusal.Reason)
		}
	}
}

// blame looks for the record at fault if the receiver ended the connection because
// of something that was sent. From then on these records are sent alone. It reports
// whether the batch has to be split to find the record. A single record is refused
// if nothing else was in flight.
func (d *delivery) blame() (split bool) {
	closed, refuses := d.refusesContent()
	if !refuses {
		return false
	}
	sent := d.spans[len(d.spans)-1].end
	suspects := 0
	for i, r := range d.records {
		if d.fates[i] == fateLost {
			suspects++
			r.suspect = true
			if sent == 1 && d.alone {
				d.fates[i], r.err = fateRefused, closed
				return false
			}
		}
	}
	return suspects > 1
}

// refusesContent returns the Close frame of a receiver that ended the connection
// because of something that was sent.
func (d *delivery) refusesContent() (closed *conn.CloseError, ok bool) {
	closed, ok = errors.AsType[*conn.CloseError](d.cause)
	return closed, ok && closed.Code.RefusesContent()
}

// believe has the refused events dropped only if the host has confirmed something since
// the last drop. A host that refuses everything may expect another format: then they
// are sent again, after waits that grow.
func (d *delivery) believe() {
	host := d.client.host
	if slices.Contains(d.fates, fateConfirmed) {
		host.Confirmed()
	}
	var last error
	if closed, refuses := d.refusesContent(); refuses {
		last = closed
	}
	refused := slices.Index(d.fates, fateRefused)
	switch {
	case refused >= 0:
		last = d.records[refused].err
	case last == nil:
		return
	}
	everything := host.Refused()
	if refused >= 0 && !host.Drop() {
		everything = true
		for i, r := range d.records {
			if d.fates[i] == fateRefused {
				d.fates[i], r.err = fateDeferred, nil
			}
		}
	}
	if everything {
		d.client.refusals.everything.Add(displayURL(d.client.endpoint), 1, last)
	}
}

// logDeferral logs that messages were refused for now.
func (d *delivery) logDeferral(outcome session.Outcome) {
	messages, reason := 0, ""
	for _, refusal := range outcome.Refused {
		if refusal.Retry {
			messages++
			reason = refusal.Reason
		}
	}
	if messages > 0 {
		d.client.refusals.forNow.Add(displayURL(d.client.endpoint), messages, fmt.Errorf("the receiver says: %.100q", reason))
	}
}

// tally counts the confirmed events, returns those to be sent again, and adds the
// others to the dropped ones.
func (d *delivery) tally() (acked int, rest []publisher.Event) {
	for i, r := range d.records {
		switch d.fates[i] {
		case fateConfirmed:
			acked++
			continue
		case fateRefused:
			r.reason = reasonRefused
			d.dropped = append(d.dropped, r)
			continue
		case fateDeferred:
			r.attempts++
		case fateLost:
			if !d.split {
				r.attempts++
			}
		case fateHalved, fateUnsent: // costs no attempt
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
