// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"

	"filebeat-websocket/protocol"
	"filebeat-websocket/receiver/decode"
	"filebeat-websocket/receiver/internal/group"
)

// This file decides what becomes of a message, and what the client is told.

// wait is what the reader has to wait for before it reads on.
type wait struct {
	full    bool // this client is owed too much
	crowded bool // all of them together have too much that is uncommitted
}

// unfit returns why the message in list is refused as a whole, nil if it is not.
// problem is the Decoder's error.
func (c *conn) unfit(problem error, list *decode.Records) *closing {
	if problem == nil && (!c.replies.acks || len(list.Bad()) == list.Total()) {
		problem = list.Problem() // a Close frame can't name single records
	}
	switch {
	case problem == nil:
		return nil
	case errors.Is(problem, decode.ErrFrameType):
		return &closing{code: protocol.CloseUnsupported, reason: problem.Error()}
	case errors.Is(problem, decode.ErrTooLong), errors.Is(problem, decode.ErrMemory):
		return &closing{code: protocol.CloseTooBig, reason: problem.Error()}
	}
	return &closing{code: protocol.CloseInvalidData, reason: problem.Error()}
}

// consume hands the records in list to the Sink.
func (c *conn) consume(ctx context.Context, list *decode.Records, binary bool, messageBytes int) (wait, error) {
	m := &c.handed // not a new one for each message: it is the Sink's only during Consume
	*m = Message{
		Peer:         c.client.peer,
		Number:       c.number,
		Binary:       binary,
		Bytes:        messageBytes,
		Format:       list.Format(),
		Records:      list.Finish(),
		Chunks:       list.Chunks(),
		ChunkRecords: list.ChunkRecords(),
		Late:         c,
	}
	if bad := list.Bad(); len(bad) > 0 {
		m.Late = &unreadable{conn: c, bad: slices.Clone(bad), problem: list.Problem(), total: list.Total()}
	}
	given := len(m.Records)
	since := c.handler.intake.commits.Failed()
	c.replies.enter()
	err := c.handler.intake.sink.Consume(ctx, m)
	c.replies.leave()
	c.client.end.Duplicates += uint64(m.Duplicates)
	*m = Message{}
	return c.consumed(Taken(err, given), list, messageBytes, since)
}

// consumed handles what the Sink did with the message whose records are in list.
// since is the Commit that had failed last before Consume was called.
func (c *conn) consumed(outcome Outcome, list *decode.Records, messageBytes int, since *group.Failure) (wait, error) {
	if outcome.Err != nil {
		return wait{}, &closing{code: protocol.CloseInternalError, reason: fmt.Sprintf("message %d was not taken", c.number), cause: outcome.Err}
	}
	refusal := refusalOfMessage(outcome.Refusal, list.Bad(), list.Problem(), list.Total())
	if refusal != nil && (len(refusal.Records) == 0 || !c.replies.acks) {
		return c.refuse(refusal, closingOf(refusal).code)
	}
	end := &c.client.end
	end.Messages++
	end.Records += uint64(list.Total())
	end.Bytes += uint64(messageBytes)
	owed := reply{kind: replyAcked, first: c.number, last: c.number, refusal: refusal}
	if refusal != nil {
		end.Records -= uint64(len(refusal.Records))
		c.handler.intake.observed.refused(c.client.peer, refusal)
	} else if c.handler.options.Ack == ackAuto {
		owed.chunks = list.ChunkIDs() // a chunk can't be confirmed in part
	}
	owed.bytes = int64(messageBytes) + group.MessageBytes
	full, crowded, lost := c.replies.hold(owed, since)
	if lost != nil {
		c.handler.intake.observed.refused(c.client.peer, lost)
	}
	return wait{full: full || lost != nil, crowded: crowded}, nil
}

// refuse tells the client that nothing of the message was taken: with a nack, or by
// closing the connection.
func (c *conn) refuse(refusal *Refusal, code protocol.CloseCode) (wait, error) {
	c.handler.intake.observed.refused(c.client.peer, refusal)
	full := c.replies.add(reply{kind: replyRefused, first: c.number, last: c.number, refusal: refusal})
	if !c.replies.acks {
		return wait{}, &closing{code: code, reason: refusal.Reason, cause: refusal.Cause}
	}
	runtime.Gosched() // see beforeRead: there can be thousands of refusals in one read
	return wait{full: full}, nil
}

// Seal notes that a Commit is about to begin. Like Settle and Fail it runs on the
// committer's goroutine.
func (c *conn) Seal() { c.replies.seal() }

// Settle confirms what a Commit covered. Like Fail it runs on the committer's
// goroutine, does not block, and returns the bytes of the messages.
func (c *conn) Settle() (bytes int64) {
	bytes, said := c.replies.settle()
	c.told(said)
	return bytes
}

// Fail refuses everything that is not committed, because a Commit failed.
func (c *conn) Fail(err error) (bytes int64) {
	bytes, said := c.replies.fail(err)
	c.told(said)
	return bytes
}

// told has replies written; said is what some of them say, nil if nothing was refused.
func (c *conn) told(said *Refusal) {
	c.replies.signal()
	if said == nil {
		return
	}
	if !c.replies.acks {
		c.interrupt()
	}
	c.handler.intake.observed.refused(c.client.peer, said)
}

// flush starts what is needed to answer everything that was read so far. It is called
// before each read that may block, so at least every 64 KiB, and at a Ping. Its error
// is why the reader has to end.
func (c *conn) flush() error {
	write, commit, over := c.replies.due()
	if write {
		c.replies.signal()
	}
	if commit {
		c.handler.intake.commits.Request(c)
	}
	return over
}

// waitRoom blocks the reader while there is something to wait for. Unless it is a
// Ping in the middle of a message, it holds no memory meanwhile.
func (c *conn) waitRoom(ctx context.Context, room wait) error {
	if room == (wait{}) {
		return nil
	}
	if c.phase == betweenMessages {
		c.buffer.Free()
	}
	if err := c.flush(); err != nil {
		return err
	}
	c.replies.enter()
	defer c.replies.leave()
	if room.crowded {
		c.handler.intake.commits.WaitRoom(ctx)
	}
	return c.replies.waitRoom()
}

var _ group.Waiter = (*conn)(nil)
