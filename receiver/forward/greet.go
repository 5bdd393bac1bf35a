// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"filebeat-websocket/protocol/forward"
	"filebeat-websocket/receiver/handshake"
)

// errSilent is for a connection that the client closed without sending anything: a
// heartbeat of Fluentd's.
var errSilent = errors.New("nothing was sent")

// greet does the handshakes of TLS and of Forward. It returns why a client is not
// admitted.
func (c *conn) greet(ctx context.Context) error {
	if secured, ok := c.net.(interface{ HandshakeContext(context.Context) error }); ok {
		limited, cancel := context.WithTimeout(ctx, c.server.handshakeTimeout)
		defer cancel()
		switch err := secured.HandshakeContext(limited); {
		case errors.Is(err, io.EOF):
			return errSilent
		case err != nil:
			return fmt.Errorf("TLS: %w", err)
		}
	}
	if !c.server.options.Access.Required() {
		return nil
	}
	timer := time.AfterFunc(c.server.handshakeTimeout, func() { c.end(errNoHandshake) })
	defer timer.Stop()
	return c.handshake(ctx)
}

var errNoHandshake = errors.New("no handshake in time")

// handshake admits a client that proves the shared key and, if users are configured, a
// user's password. The server sends first.
func (c *conn) handshake(ctx context.Context) error {
	h := c.server.options.Access.Begin()
	if err := c.say(forward.AppendHelo(nil, h.Helo)); err != nil {
		return err
	}
	ping, err := c.readPing()
	if err != nil {
		return err
	}
	pong, user, denial := h.Answer(ping)
	if denial != nil {
		denial = fmt.Errorf("%w: %w", ErrDenied, denial)
		c.refused(ctx, denial)
	}
	if err := c.say(forward.AppendPong(nil, pong)); err != nil && denial == nil {
		return err
	}
	if denial != nil {
		c.linger()
		return denial
	}
	c.user = user
	c.admit()
	return nil
}

func (c *conn) say(message []byte) error {
	err := c.net.SetWriteDeadline(time.Now().Add(writeTimeout))
	if err == nil {
		_, err = c.net.Write(message)
	}
	if err != nil {
		return fmt.Errorf("handshake: %w", err)
	}
	return nil
}

// readPing reads the client's part.
func (c *conn) readPing() (*forward.Ping, error) {
	scanner := forward.NewScanner(handshake.MaxPingBytes)
	for {
		_, err := c.in.Peek(c.in.Buffered() + 1)
		switch {
		case err == nil:
		case c.isDraining(), errors.Is(err, io.EOF) && c.in.Buffered() == 0:
			return nil, errSilent
		default:
			return nil, fmt.Errorf("handshake: %w", c.causeOf(err))
		}
		received, _ := c.in.Peek(c.in.Buffered()) // they are buffered
		length, err := scanner.Scan(received)
		if err == nil && length == 0 {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("handshake: %w", err)
		}
		ping, err := forward.ParsePing(received[:length])
		if err != nil {
			return nil, fmt.Errorf("handshake: %w", err)
		}
		_, _ = c.in.Discard(length) // likewise
		return &ping, nil
	}
}

// refused tells Options.Refused.
func (c *conn) refused(ctx context.Context, why error) {
	if c.server.options.Refused != nil {
		c.server.options.Refused(ctx, c.net.RemoteAddr().String(), why)
	}
}
