// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package idle measures for how long a client has sent nothing.
package idle

import (
	"sync/atomic"
	"time"
)

// Clock belongs to one client. The client's reader writes it, others read it.
type Clock struct {
	opened time.Time
	// In nanoseconds since opened: the clock of the machine may be set meanwhile.
	waiting atomic.Int64 // since when the reader has waited for bytes; 0 while it does not
	message atomic.Int64 // when the newest message was complete; 0 before the first
}

// Start is called once, before all else.
func (c *Clock) Start() { c.opened = time.Now() }

// Wait notes that the reader waits for bytes.
func (c *Clock) Wait() { c.waiting.Store(c.elapsed()) }

// Heard notes that the reader has some.
func (c *Clock) Heard() { c.waiting.Store(0) }

// Complete notes that a message is complete.
func (c *Clock) Complete() { c.message.Store(c.elapsed()) }

// elapsed is never 0.
func (c *Clock) elapsed() int64 { return int64(max(time.Since(c.opened), 1)) }

// Silent returns for how long the reader has waited for bytes.
func (c *Clock) Silent() time.Duration {
	since := c.waiting.Load()
	if since == 0 {
		return 0
	}
	return time.Duration(c.elapsed() - since)
}

// Idle returns for how long no message has come, and whether one ever has. It is 0 while
// the reader has bytes to work on.
func (c *Clock) Idle() (idle time.Duration, used bool) {
	last := c.message.Load()
	if c.waiting.Load() != 0 {
		idle = time.Duration(c.elapsed() - last)
	}
	return idle, last != 0
}
