// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gorilla/websocket"

	"filebeat-websocket/protocol"
	"filebeat-websocket/protocol/forward"
)

// replyLoop writes replies. It ends when the reader closes c.quit, or with a
// client that does not read what it is told: a write that takes longer than
// Options.WriteTimeout cuts the connection.
func (c *conn) replyLoop() {
	var tick <-chan time.Time
	interval := c.handler.progressInterval
	if c.replies.acks {
		// Often enough that progress is late by a quarter at most.
		ticker := time.NewTicker(interval / 4)
		defer ticker.Stop()
		tick = ticker.C
	}
	idle := time.NewTicker(c.handler.idleTimeout / 2)
	defer idle.Stop()
	for {
		var err error
		select {
		case <-c.replies.wake:
			err = c.writeAll()
		case <-tick:
			if c.replies.progressDue(interval) {
				err = c.writeText(protocol.AppendReply(nil, protocol.Reply{Progress: true}))
				c.replies.wrote()
			}
		case <-idle.C:
			err = c.watchIdle()
		case <-c.quit:
			return
		}
		if err != nil {
			c.replies.end(fmt.Errorf("confirmations could not be written: %w", err), true)
			// After a Close frame, with which gorilla answers what is not WebSocket, it
			// writes no more. The client is left the time to read that frame.
			if !errors.Is(err, websocket.ErrCloseSent) {
				_ = c.netConn.Close()
			}
			return
		}
	}
}

// writeAll writes until nothing is left.
func (c *conn) writeAll() error {
	for {
		list := c.replies.next()
		if len(list) == 0 {
			return nil
		}
		for i := range list {
			if err := c.writeReply(&list[i]); err != nil {
				return err
			}
		}
		// After the nacks, which have the client choose a wait of its own.
		if pause := longestPause(list); pause > 0 && c.replies.acks {
			if err := c.writeText(protocol.AppendReply(nil, protocol.Reply{Pause: pause})); err != nil {
				return err
			}
		}
		c.replies.wrote()
		if slices.ContainsFunc(list, confirms) {
			c.client.Confirmed()
		}
	}
}

// confirms reports whether a reply is a confirmation, and not a nack of whole
// messages.
func confirms(r reply) bool { return r.kind != replyRefused }

func (c *conn) writeReply(r *reply) error {
	switch {
	case r.kind == replyPong:
		return c.ws.WriteControl(websocket.PongMessage, []byte(r.payload), c.writeDeadline())
	case r.refusal == nil:
		for _, chunk := range r.chunks {
			if err := c.writeData(websocket.BinaryMessage, forward.AppendAck(nil, chunk)); err != nil {
				return err
			}
		}
		if !c.replies.acks {
			return nil
		}
		return c.writeText(protocol.AppendAck(nil, r.last))
	}
	for number := r.first; number <= r.last; number++ {
		if err := c.writeText(protocol.AppendReply(nil, r.refusal.nack(number))); err != nil {
			return err
		}
	}
	return nil
}

func (c *conn) writeText(text []byte) error { return c.writeData(websocket.TextMessage, text) }

func (c *conn) writeData(frameType int, data []byte) error {
	if err := c.ws.SetWriteDeadline(c.writeDeadline()); err != nil {
		return err
	}
	return c.ws.WriteMessage(frameType, data)
}

func (c *conn) writeDeadline() time.Time {
	return time.Now().Add(c.handler.options.WriteTimeout)
}
