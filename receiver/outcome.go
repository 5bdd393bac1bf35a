// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"context"
	"errors"
	"fmt"

	"github.com/gorilla/websocket"
)

// What becomes of a message, and how the client gets to know.

// decode fills list. What it returns is why the message is refused as a whole.
func (c *conn) decode(frameType int, data []byte, list *recordList) *closing {
	list.reset()
	format := &c.handler.format
	binary := frameType == websocket.BinaryMessage
	if !format.frames.take(binary) {
		return &closing{code: websocket.CloseUnsupportedData, reason: "format " + c.handler.options.Format + " takes " + format.frames.String() + " messages"}
	}
	err := format.decode(message{data: data, binary: binary, options: &c.handler.options}, list)
	if err == nil && (!c.replies.acks || list.good() == 0) {
		err = list.problem // a Close frame can't name single records
	}
	if unfit := (*closing)(nil); errors.As(err, &unfit) {
		return unfit // it has a code of its own
	}
	if err != nil {
		return &closing{code: websocket.CloseInvalidFramePayloadData, reason: err.Error()}
	}
	return nil
}

// consumed deals with what Consume said about the message whose records are in
// list. since is the Commit that had failed last before Consume was called.
func (c *conn) consumed(ctx context.Context, said error, list *recordList, messageBytes int, since *commitFailure) error {
	refusal, err := refusalOfMessage(said, list)
	if err != nil {
		return &closing{code: websocket.CloseInternalServerErr, reason: fmt.Sprintf("message %d was not taken", c.number), cause: err}
	}
	if refusal != nil && (len(refusal.Records) == 0 || !c.replies.acks) {
		code := websocket.CloseInvalidFramePayloadData
		if refusal.Retry {
			code = websocket.CloseTryAgainLater
		}
		return c.refuse(ctx, refusal, code)
	}
	c.end.Messages++
	c.end.Records += uint64(list.total())
	c.end.Bytes += uint64(messageBytes)
	owed := reply{kind: acked, first: c.number, last: c.number, refusal: refusal}
	if refusal != nil {
		c.end.Records -= uint64(len(refusal.Records))
		c.onRefuse(refusal)
	} else if c.handler.options.Ack == ackAuto {
		owed.chunks = list.chunkIDs() // a chunk can't be confirmed in part
	}
	if c.handler.options.Commit == nil {
		return c.waitRoom(ctx, c.replies.add(owed), false)
	}
	owed.bytes = int64(messageBytes) + heldMessageBytes
	full, crowded, lost := c.replies.hold(owed, since)
	if lost != nil {
		c.onRefuse(lost)
	}
	return c.waitRoom(ctx, full || lost != nil, crowded)
}

// refuse tells the client that nothing of the message was taken: with a nack,
// or by the end of the connection.
func (c *conn) refuse(ctx context.Context, refusal *Refusal, code int) error {
	c.onRefuse(refusal)
	full := c.replies.add(reply{kind: refused, first: c.number, last: c.number, refusal: refusal})
	if !c.replies.acks {
		return &closing{code: code, reason: refusal.Reason, cause: refusal.Cause}
	}
	return c.waitRoom(ctx, full, false)
}

// settle confirms what a Commit covered. Like fail it runs on the committer's
// goroutine, does not block, and returns the bytes of the messages.
func (c *conn) settle() (bytes int64) {
	bytes = c.replies.settle()
	c.replies.signal()
	return bytes
}

// fail refuses everything that is not committed, because a Commit failed.
func (c *conn) fail(err error) (bytes int64) {
	bytes, said := c.replies.fail(err)
	c.replies.signal()
	if said != nil {
		if !c.replies.acks {
			c.interrupt()
		}
		c.onRefuse(said)
	}
	return bytes
}

func (c *conn) onRefuse(refusal *Refusal) {
	if c.handler.options.OnRefuse != nil {
		c.handler.options.OnRefuse(c.info, refusal)
	}
}

// flush sees to it that the client hears about all that was read so far: it is
// called before each read that may block, and so for every 64 KiB at least. It
// returns why the reader should end, if it should.
func (c *conn) flush() error {
	write, commit, over := c.replies.due()
	if write {
		c.replies.signal()
	}
	if commit {
		c.handler.commits.request(c)
	}
	return over
}

// waitRoom blocks the reader while this client is owed too much (full), or all
// of them together (crowded).
func (c *conn) waitRoom(ctx context.Context, full, crowded bool) error {
	if !full && !crowded {
		return nil
	}
	if err := c.flush(); err != nil {
		return err
	}
	c.replies.enter()
	defer c.replies.leave()
	if crowded {
		c.handler.commits.waitRoom(ctx)
	}
	return c.replies.waitRoom()
}
