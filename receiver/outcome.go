// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"context"
	"errors"
	"fmt"

	"github.com/gorilla/websocket"

	"filebeat-websocket/receiver/decode"
)

// This file decides what becomes of a message, and what the client is told.

// decode fills list. If it returns an error, the whole message is refused for it.
func (c *conn) decode(data []byte, binary bool, list *decode.Records) *closing {
	err := c.handler.decoder.Decode(data, binary, list)
	if err == nil && (!c.replies.acks || len(list.Bad()) == list.Total()) {
		err = list.Problem() // a Close frame can't name single records
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, decode.ErrFrameType):
		return &closing{code: websocket.CloseUnsupportedData, reason: err.Error()}
	case errors.Is(err, decode.ErrTooLong):
		return &closing{code: websocket.CloseMessageTooBig, reason: err.Error()}
	}
	return &closing{code: websocket.CloseInvalidFramePayloadData, reason: err.Error()}
}

// consumed handles what the Sink did with the message whose records are in list.
// since is the Commit that had failed last before Consume was called.
func (c *conn) consumed(ctx context.Context, outcome Outcome, list *decode.Records, messageBytes int, since *commitFailure) error {
	if outcome.Err != nil {
		return &closing{code: websocket.CloseInternalServerErr, reason: fmt.Sprintf("message %d was not taken", c.number), cause: outcome.Err}
	}
	refusal := refusalOfMessage(outcome.Refusal, list.Bad(), list.Problem(), list.Total())
	if refusal != nil && (len(refusal.Records) == 0 || !c.replies.acks) {
		code := websocket.CloseInvalidFramePayloadData
		if refusal.Retry {
			code = websocket.CloseTryAgainLater
		}
		return c.refuse(ctx, refusal, code)
	}
	c.end.Messages++
	c.end.Records += uint64(list.Total())
	c.end.Bytes += uint64(messageBytes)
	owed := reply{kind: replyAcked, first: c.number, last: c.number, refusal: refusal}
	if refusal != nil {
		c.end.Records -= uint64(len(refusal.Records))
		c.handler.observed.refused(c.peer, refusal)
	} else if c.handler.options.Ack == ackAuto {
		owed.chunks = list.ChunkIDs() // a chunk can't be confirmed in part
	}
	owed.bytes = int64(messageBytes) + heldMessageBytes
	full, crowded, lost := c.replies.hold(owed, since)
	if lost != nil {
		c.handler.observed.refused(c.peer, lost)
	}
	return c.waitRoom(ctx, full || lost != nil, crowded)
}

// refuse tells the client that nothing of the message was taken: with a nack, or by
// closing the connection.
func (c *conn) refuse(ctx context.Context, refusal *Refusal, code int) error {
	c.handler.observed.refused(c.peer, refusal)
	full := c.replies.add(reply{kind: replyRefused, first: c.number, last: c.number, refusal: refusal})
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
		c.handler.observed.refused(c.peer, said)
	}
	return bytes
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
