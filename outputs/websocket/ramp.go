// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"sort"
	"time"

	"filebeat-websocket/outputs/websocket/internal/session"
)

// rampStart is how many events a portion has at first with slow_start, as in
// output.logstash.
const rampStart = 10

// portionEnd returns the index behind the last chunk that may go out at once
// with the chunk at start. A portion has at least one.
func (c *client) portionEnd(chunks []chunk, start int) int {
	if !c.config.SlowStart {
		return len(chunks)
	}
	c.mutex.Lock()
	most := chunks[start].start + c.ramp
	c.mutex.Unlock()
	rest := chunks[start+1:]
	return start + 1 + sort.Search(len(rest), func(i int) bool { return rest[i].end > most })
}

// grow learns from the fate of a portion: slow_start doubles the next one with
// each that was confirmed and begins anew after a loss, and what the receiver
// could not take for now is held back, longer each time.
func (c *client) grow(outcome session.Outcome) {
	retry := false
	for _, refusal := range outcome.Refused {
		retry = retry || refusal.Retry
	}
	c.mutex.Lock()
	current := c.session
	var wait time.Duration
	switch {
	case outcome.Cause != nil:
		c.ramp = rampStart
	case retry:
		wait = patience{}.waitFor(c.config.Backoff, c.refused)
		c.refused++
	default:
		c.refused = 0
		c.ramp = min(2*c.ramp, c.config.BatchSize)
	}
	c.mutex.Unlock()
	if wait > 0 && current != nil {
		current.Pause(wait)
	}
}
