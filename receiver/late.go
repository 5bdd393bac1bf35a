// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"errors"
	"slices"

	"filebeat-websocket/protocol"
	"filebeat-websocket/receiver/budget"
	"filebeat-websocket/receiver/internal/group"
)

// lateRefusals are what Late was told about messages that wait for Commit, by number. The
// lock of their owner guards them.
type lateRefusals map[uint64]*Refusal

func (l *lateRefusals) add(number uint64, refusal *Refusal) {
	if *l == nil {
		*l = lateRefusals{}
	}
	(*l)[number] = (*l)[number].and(refusal)
}

// take returns and forgets the refusal of a message, nil if there is none.
func (l lateRefusals) take(number uint64) *Refusal {
	refusal := l[number]
	delete(l, number)
	return refusal
}

// and returns the refusal of what r or other refuse. Of two reasons, the one for which a
// record may come again wins.
func (r *Refusal) and(other *Refusal) *Refusal {
	if r == nil {
		return other
	}
	both := *r
	if other.Retry && !r.Retry {
		both = *other
	}
	both.Pause, both.Records = max(r.Pause, other.Pause), nil
	if len(r.Records) > 0 && len(other.Records) > 0 {
		both.Records = slices.Concat(r.Records, other.Records)
		slices.Sort(both.Records)
		both.Records = slices.Compact(both.Records)
	}
	return &both
}

// RefuseLate notes a refusal until the message settles.
func (c *conn) RefuseLate(number uint64, refusal *Refusal) {
	c.replies.mutex.Lock()
	defer c.replies.mutex.Unlock()
	c.replies.late.add(number, refusal)
}

// RefuseLate is for the Sink: see Message.Late.
func (c *Client) RefuseLate(number uint64, refusal *Refusal) {
	c.pending.Late(number, func(before error) error {
		if earlier, ok := errors.AsType[*lateError](before); ok {
			return &lateError{earlier.and(refusal)}
		}
		return &lateError{refusal}
	})
}

// lateError marks a refusal that is not that of a Commit.
type lateError struct{ *Refusal }

// lost settles messages that a Commit has not made durable.
func (c *Client) lost(list []group.Settlement, err error) {
	refusal := refusalOf(err)
	if late, ok := errors.AsType[*lateError](err); ok {
		refusal = late.Refusal
	}
	c.refused.Add(uint64(len(list)))
	c.intake.observed.refused(c.peer, refusal)
	for _, s := range list {
		s.Settled(refusal)
	}
}

// unreadable are the records of a message that its Sink did not get.
type unreadable struct {
	conn    *conn
	bad     []int
	problem error
	total   int
}

// RefuseLate translates the indexes.
func (u *unreadable) RefuseLate(number uint64, refusal *Refusal) {
	u.conn.RefuseLate(number, refusalOfMessage(refusal, u.bad, u.problem, u.total))
}

// settleLocked hands out what a Commit covered, and returns the refusal of what it did not.
func (r *replies) settleLocked(owed reply) (said *Refusal) {
	next := owed.first
	for number := owed.first; len(r.late) > 0 && owed.kind == replyAcked && number <= owed.last; number++ {
		refusal := r.late.take(number)
		if refusal == nil {
			continue
		}
		if number > next {
			r.settledLocked(reply{kind: replyAcked, first: next, last: number - 1})
		}
		r.refuseLocked(number, refusal, owed.refusal)
		said, next = refusal, number+1
	}
	if said != nil && next > owed.last {
		r.chunks -= len(owed.chunks) // it is the only message: see appendReply
		r.tab.Settle(owed.cost)
		return said
	}
	owed.first = next
	r.settledLocked(owed)
	return said
}

// settledLocked hands out a reply. The ack of a chunk says nothing of those before it.
func (r *replies) settledLocked(owed reply) {
	if r.acks || r.over == nil || len(owed.chunks) > 0 {
		r.outLocked(owed)
	}
}

// refuseLocked refuses a message late, of which before was refused already.
func (r *replies) refuseLocked(number uint64, refusal, before *Refusal) {
	if before == nil {
		r.refusals++
	}
	owed := reply{kind: replyAcked, first: number, last: number, refusal: before.and(refusal)}
	if len(owed.refusal.Records) == 0 {
		owed.kind = replyRefused
	}
	if !r.reserveLocked(&owed) {
		r.endLocked(&closing{code: protocol.CloseTryAgainLater, reason: budget.ErrShort.Error()}, false)
		return
	}
	r.outLocked(owed)
	if !r.acks {
		r.endLocked(closingOf(refusal), false)
	}
}

// closingOf ends the connection of a client that can be told of a refusal in no other way.
func closingOf(refusal *Refusal) *closing {
	code := protocol.CloseInvalidData
	if refusal.Retry {
		code = protocol.CloseTryAgainLater
	}
	return &closing{code: code, reason: refusal.Reason, cause: refusal.Cause}
}

var (
	_ Late = (*conn)(nil)
	_ Late = (*Client)(nil)
	_ Late = (*unreadable)(nil)
)
