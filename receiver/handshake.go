// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/gorilla/websocket"

	"filebeat-websocket/protocol"
	"filebeat-websocket/protocol/forward"
	"filebeat-websocket/receiver/budget"
	"filebeat-websocket/receiver/handshake"
)

// handshakeTimeout is how long a client has to authenticate.
const handshakeTimeout = 10 * time.Second

// handshake admits a client, if a shared key is required. The server speaks first. It
// runs on the reader's goroutine, which may write here: replyLoop has no data messages
// to write before there were some to read.
func (c *conn) handshake() error {
	o := &c.handler.options.Forward
	if !o.Required() {
		return nil
	}
	h := o.Begin()
	if err := c.writeData(websocket.BinaryMessage, forward.AppendHelo(nil, h.Helo)); err != nil {
		return fmt.Errorf("handshake: %w", err)
	}
	ping, err := c.readPing()
	if err != nil {
		return err
	}
	pong, _, denial := h.Answer(&ping)
	if err := c.writeData(websocket.BinaryMessage, forward.AppendPong(nil, pong)); err != nil {
		return fmt.Errorf("handshake: %w", err)
	}
	if denial != nil {
		return &closing{code: protocol.ClosePolicyViolation, reason: handshake.NotAdmitted, cause: denial}
	}
	return nil
}

// readPing reads the client's part.
func (c *conn) readPing() (forward.Ping, error) {
	c.handshakeDeadline(time.Now().Add(c.handler.handshakeTimeout))
	frameType, r, err := c.ws.NextReader()
	message := c.client.Buffer()
	defer message.Free()
	if err == nil {
		err = message.ReadAll(r, handshake.MaxPingBytes)
	}
	network, isNetwork := errors.AsType[net.Error](err)
	switch {
	case isNetwork && network.Timeout() && !c.handshakeDeadline(time.Time{}):
		return forward.Ping{}, &closing{code: protocol.ClosePolicyViolation, reason: "no handshake in time"}
	case errors.Is(err, budget.ErrTooLong):
		return forward.Ping{}, &closing{code: protocol.CloseTooBig, reason: fmt.Sprintf("message is longer than %d bytes", handshake.MaxPingBytes)}
	case err != nil:
		return forward.Ping{}, c.closingOf(err)
	}
	c.handshakeDeadline(time.Time{})
	ping, err := forward.ParsePing(message.Bytes())
	if frameType != websocket.BinaryMessage || err != nil {
		return ping, &closing{code: protocol.ClosePolicyViolation, reason: "a Fluent Forward handshake is expected", cause: err}
	}
	return ping, nil
}

// handshakeDeadline sets the reader's deadline, unless drain has set its own.
func (c *conn) handshakeDeadline(deadline time.Time) (draining bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.draining == "" {
		c.setReadDeadline(deadline)
	}
	return c.draining != ""
}
