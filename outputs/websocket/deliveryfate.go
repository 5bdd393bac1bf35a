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
)

// fate is what becomes of an event.
type fate uint8

const (
	fateLost      fate = iota // not confirmed: sent again
	fateConfirmed             // in the receiver's care
	fateDeferred              // refused for now: sent again
	fateHalved                // in a message that was refused for good: sent again in smaller ones
	fateRefused               // refused for good: dropped
)

func (d *delivery) confirm(c span) {
	for i := c.start; i < c.end; i++ {
		d.fates[i] = fateConfirmed
	}
}

// refuse notes the fate of a message's records. A message that is refused for
// good as a whole, and holds several records, may owe that to one of them: they
// go out again in two halves, until the one at fault stands alone. A refusal of
// records that the message does not have is one of the whole message: what is
// meant is not known, and nothing may count as taken.
func (d *delivery) refuse(c span, refusal ack.Refusal) {
	count := c.end - c.start
	whole := !slices.ContainsFunc(refusal.Records, func(i int) bool { return i < count })
	for i := range count {
		r := d.records[c.start+i]
		switch {
		case !whole && !slices.Contains(refusal.Records, i):
			d.fates[c.start+i] = fateConfirmed
		case refusal.Retry:
			d.fates[c.start+i] = fateDeferred
		case whole && count > 1:
			d.fates[c.start+i] = fateHalved
			r.run = (count + 1) / 2
		default:
			d.fates[c.start+i] = fateRefused
			r.reason, r.err = reasonRefused, fmt.Errorf("the receiver says: %.100q", refusal.Reason)
		}
	}
}

// blame looks at a connection that the receiver ended over something that was
// sent. It reports whether the batch has to be split to find out what. Its
// records go alone from then on. The one that is known to be at fault, because
// nothing else was in flight, is refused.
func (d *delivery) blame() (split bool) {
	closed, ok := errors.AsType[*conn.CloseError](d.cause)
	if !ok || !closed.Code.RefusesContent() {
		return false
	}
	suspects := 0
	for i, r := range d.records {
		if d.fates[i] == fateLost {
			suspects++
			if suspects == 1 && d.total == 1 && d.alone {
				d.fates[i] = fateRefused
				r.reason, r.err = reasonRefused, closed
				return false
			}
			r.suspect = true
		}
	}
	return suspects > 1
}

// tally counts the confirmed events, collects those that are sent again, and
// adds those that are given up to the dropped ones.
func (d *delivery) tally(split bool) (acked int, rest []publisher.Event) {
	for i, r := range d.records {
		switch d.fates[i] {
		case fateConfirmed:
			acked++
			continue
		case fateRefused:
			d.dropped = append(d.dropped, r)
			continue
		case fateDeferred:
			r.attempts++
		case fateLost:
			if !split {
				r.attempts++
			}
		case fateHalved: // goes out differently, which costs no attempt
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
