// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"time"

	"github.com/gorilla/websocket"

	"filebeat-websocket/protocol"
)

const (
	// idleTimeout is how long a client may be silent until it gets a Ping, and how long
	// it then may take to answer.
	idleTimeout = 30 * time.Second
	// leavingFraction of idleTimeout is how long a client must have sent no message to
	// give way to another one.
	leavingFraction = 3
	// maxLeaving is how many connections may be ending because they gave way.
	maxLeaving = 64
)

// watchIdle sends a Ping to a client that is silent, and ends one that has not
// answered. It runs on replyLoop, every half of the timeout.
func (c *conn) watchIdle() error {
	timeout := c.handler.idleTimeout
	switch silent := c.client.clock.Silent(); {
	case silent >= 2*timeout:
		c.leave(&closing{code: protocol.CloseGoingAway, reason: "no answer to a ping"})
	case silent >= timeout:
		return c.ws.WriteControl(websocket.PingMessage, nil, c.writeDeadline())
	}
	return nil
}

// leave makes the reader end with why. It may be called from any goroutine.
func (c *conn) leave(why *closing) {
	c.replies.end(why, false)
	c.interrupt()
}

// giveWay ends the connection in favour of another one.
func (c *conn) giveWay() {
	c.leave(&closing{code: protocol.CloseTryAgainLater, reason: "idle, and its place is needed"})
}

// oldestIdleLocked returns the client that gives way to another one, or nil: of those
// that never sent a message the oldest, else who has sent none for longest.
func (in *Intake) oldestIdleLocked() (oldest *Client) {
	if in.leaving >= maxLeaving {
		return nil
	}
	var longest time.Duration
	oldestUsed := true
	for c := range in.clients {
		if c.giveWay == nil || c.leaving {
			continue
		}
		idle, used := c.clock.Idle()
		if idle == 0 || idle < c.giveWayAfter || used && !oldestUsed {
			continue
		}
		if oldest == nil || oldestUsed && !used || idle > longest {
			oldest, longest, oldestUsed = c, idle, used
		}
	}
	return oldest
}
