// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"filebeat-websocket/outputs/websocket/internal/session"
)

// replaceLater notes when a session will be too old, with ttl, and starts the
// goroutine that replaces it then if no Publish does: what cuts connections of a
// certain age does so whether events come or not. It is called under mutex, before
// end can see the session.
func (c *client) replaceLater(opened *session.Session) {
	ttl := c.config.TTL
	if ttl == 0 {
		return
	}
	age := ttl - ttl/10 + rand.N(ttl/5+1)
	c.replaceAt = time.Now().Add(age)
	c.lifecycle.run(func(context.Context) {
		timer := time.NewTimer(age)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-opened.Done():
			return
		case <-c.lifecycle.ctx.Done():
			return
		}
		c.inUse.Lock()
		defer c.inUse.Unlock()
		if c.current() != opened || opened.Err() != nil {
			return // a Publish was faster, or it is too late
		}
		// The next Publish finds the session closed, and libbeat connects then.
		if err := c.replace(opened); err != nil && !errors.Is(err, session.ErrClosed) {
			c.log.Warnf("Connection to %v was closed after its ttl, and not replaced: %v", displayURL(c.endpoint), err)
		}
	})
}

func (c *client) tooOld() bool {
	return c.config.TTL > 0 && !time.Now().Before(c.replaceAt)
}

// replace replaces a session: what is in flight is confirmed first, then the
// connection is closed and dialled anew, addresses and all. inUse is held.
func (c *client) replace(old *session.Session) error {
	ctx, cancel := context.WithTimeout(c.lifecycle.ctx, c.config.Timeout)
	defer cancel()
	old.Close(ctx)
	return c.connect()
}
