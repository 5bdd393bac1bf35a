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

// replaceLater starts the goroutine that replaces a session at the end of its ttl,
// if one is set. It does so with and without events: a gateway that cuts old
// connections does not care either. mutex is held, so that end cannot see the
// session before.
func (c *client) replaceLater(opened *session.Session) {
	if c.config.TTL == 0 {
		return
	}
	age := lifetime(c.config.TTL)
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
		c.useMutex.Lock()
		defer c.useMutex.Unlock()
		if c.current() != opened || opened.Err() != nil {
			return // it was replaced or died before this goroutine had its turn
		}
		// The next Publish finds the session closed, and libbeat connects then.
		if err := c.replace(opened); err != nil && !errors.Is(err, session.ErrClosed) {
			c.log.Warnf("Connection to %v was closed after its ttl and could not be replaced: %v", displayURL(c.endpoint), err)
		}
	})
}

// lifetime returns the age at which a connection is replaced: ttl, give or take
// a random tenth, so that connections of one age do not end together.
func lifetime(ttl time.Duration) time.Duration {
	return ttl - ttl/10 + rand.N(ttl/5+1)
}

// replace waits for the confirmations of what is in flight, closes the session and
// connects again, with a new look-up of the host's name. useMutex is held.
func (c *client) replace(old *session.Session) error {
	ctx, cancel := context.WithTimeout(c.lifecycle.ctx, c.config.Timeout)
	defer cancel()
	old.Close(ctx)
	return c.connect()
}
