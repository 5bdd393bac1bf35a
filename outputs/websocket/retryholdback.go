// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"time"

	"filebeat-websocket/outputs/websocket/internal/retry"
	"filebeat-websocket/outputs/websocket/internal/session"
)

// holdBack pauses the session after a batch of which the receiver refused something
// for now. The pause grows with each such batch in a row. Without it the same
// records would be sent and refused as fast as the network allows.
func (c *client) holdBack(outcome session.Outcome) {
	forNow := false
	for _, refusal := range outcome.Refused {
		forNow = forNow || refusal.Retry
	}
	c.mutex.Lock()
	current := c.session
	var wait time.Duration
	switch {
	case outcome.Cause != nil: // the backoff waits before the next connect
	case forNow:
		wait = retry.Patience{}.Wait(retry.Backoff(c.config.Backoff), c.refused)
		c.refused++
	default:
		c.refused = 0
	}
	c.mutex.Unlock()
	if wait > 0 && current != nil {
		current.Pause(wait)
	}
}
