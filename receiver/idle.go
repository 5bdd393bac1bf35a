// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"sync/atomic"
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

// idleness tells for how long a client has sent nothing. The reader writes it, others
// read it.
type idleness struct {
	opened time.Time
	// In nanoseconds since opened: the clock of the machine may be set meanwhile.
	waiting atomic.Int64 // since when the reader has waited for bytes; 0 while it does not
	message atomic.Int64 // when the newest message was complete; 0 before the first
}

func (i *idleness) wait() { i.waiting.Store(i.elapsed()) }

func (i *idleness) heard() { i.waiting.Store(0) }

func (i *idleness) complete() { i.message.Store(i.elapsed()) }

// elapsed is never 0.
func (i *idleness) elapsed() int64 { return int64(max(time.Since(i.opened), 1)) }

// silent returns for how long the reader has waited for bytes.
func (i *idleness) silent() time.Duration {
	since := i.waiting.Load()
	if since == 0 {
		return 0
	}
	return time.Duration(i.elapsed() - since)
}

// watchIdle sends a Ping to a client that is silent, and ends one that has not
// answered. It runs on replyLoop, every half of the timeout.
func (c *conn) watchIdle() error {
	timeout := c.handler.idleTimeout
	switch silent := c.idle.silent(); {
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

// idleFor returns for how long the client has sent no message, and whether it has sent
// one before. It is 0 if that is too short to give way, or it may be sending one.
func (c *conn) idleFor() (idle time.Duration, used bool) {
	last := c.idle.message.Load()
	idle = time.Duration(c.idle.elapsed() - last)
	if c.idle.silent() == 0 || idle < c.handler.idleTimeout/leavingFraction {
		return 0, last != 0
	}
	return idle, last != 0
}

// leaver is a waiter that can give way.
type leaver interface {
	idleFor() (idle time.Duration, used bool)
	giveWay()
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
		one, ok := c.waiter.(leaver)
		if !ok || c.leaving {
			continue
		}
		idle, used := one.idleFor()
		if idle == 0 || used && !oldestUsed {
			continue
		}
		if oldest == nil || oldestUsed && !used || idle > longest {
			oldest, longest, oldestUsed = c, idle, used
		}
	}
	return oldest
}

var _ leaver = (*conn)(nil)
