// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"time"

	"github.com/elastic/elastic-agent-libs/logp"

	"filebeat-websocket/outputs/websocket/internal/retry"
	"filebeat-websocket/outputs/websocket/internal/seldom"
)

// refusalInterval is the time between two lines about the same kind of refusal.
const refusalInterval = time.Minute

// refusals are the log lines about what hosts refuse, by host.
type refusals struct {
	forNow     *seldom.Log // messages
	everything *seldom.Log // batches
}

func newRefusals(log *logp.Logger) refusals {
	return refusals{
		forNow: seldom.New(refusalInterval, func(host string, messages int, last error) {
			log.Warnf("%s refused messages for now: %d, which are sent again: %v", host, messages, last)
		}),
		everything: seldom.New(refusalInterval, func(host string, batches int, last error) {
			log.Warnf("%s refuses everything, the last %d batches: %v; nothing is dropped before it confirms something. Does it expect another format?", host, batches, last)
		}),
	}
}

func (r refusals) Close() {
	r.forNow.Close()
	r.everything.Close()
}

// holdBack pauses the session after a batch of which something has to be sent again
// although the connection lives. The pause grows with each such batch in a row, but
// only once for those that were in flight together. Without it the same records would
// be sent and refused as fast as the network allows.
func (c *client) holdBack(d *delivery) {
	deferred := false
	for _, f := range d.fates {
		deferred = deferred || f == fateDeferred
	}
	now := time.Now()
	c.mutex.Lock()
	defer c.mutex.Unlock()
	switch {
	case d.cause != nil: // the backoff waits before the next connect
	case !deferred:
		c.refused = 0
	case now.Before(c.heldUntil): // it was in flight with the one that began the pause
	default:
		wait := retry.Patience{}.Wait(retry.Backoff(c.config.Backoff), c.refused)
		c.refused++
		c.heldUntil = now.Add(wait)
		if c.session != nil {
			c.session.Pause(wait)
		}
	}
}

// probing reports whether the receiver refused something for now and has not taken a
// batch since. Then only one message is sent, to see whether it takes it: a whole
// window would be refused message by message.
func (c *client) probing() bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.refused > 0
}
