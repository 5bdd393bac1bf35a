// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"time"

	"filebeat-websocket/outputs/websocket/internal/session"
)

// holdBack pauses the session after a batch of which the receiver could not take
// something for now, longer with each such batch in a row. Without the pause the
// same records would go back and forth as fast as the network allows.
func (c *client) holdBack(outcome session.Outcome) {
	forNow := false
	for _, refusal := range outcome.Refused {
		forNow = forNow || refusal.Retry
	}
	c.mutex.Lock()
	current := c.session
	var wait time.Duration
	switch {
	case outcome.Cause != nil: // the wait is that before the next connect
	case forNow:
		wait = patience{}.waitFor(c.config.Backoff, c.refused)
		c.refused++
	default:
		c.refused = 0
	}
	c.mutex.Unlock()
	if wait > 0 && current != nil {
		current.Pause(wait)
	}
}
