// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/gorilla/websocket"

	"filebeat-websocket/protocol"
	"filebeat-websocket/protocol/forward"
	"filebeat-websocket/receiver/budget"
)

const (
	// handshakeTimeout is how long a client has to authenticate.
	handshakeTimeout = 10 * time.Second
	// maxPingBytes is more than the five texts of a PING can take.
	maxPingBytes = 8 << 10
	// saltBytes is the length of the nonce and of the salt for passwords.
	saltBytes = 16
)

// notAdmitted is all that a client is told.
const notAdmitted = "authentication failed"

// handshake admits a client that knows the shared key and, if there are users, is one
// of them. The server speaks first. It runs on the reader's goroutine, which
// may write here: replyLoop has no data messages to write before there were some
// to read.
func (c *conn) handshake() error {
	o := &c.handler.options.Forward
	if o.SharedKey == "" {
		return nil
	}
	helo := o.Challenge()
	if err := c.writeData(websocket.BinaryMessage, forward.AppendHelo(nil, helo)); err != nil {
		return fmt.Errorf("handshake: %w", err)
	}
	ping, err := c.readPing()
	if err != nil {
		return err
	}
	pong, denial := o.Answer(&helo, &ping)
	if err := c.writeData(websocket.BinaryMessage, forward.AppendPong(nil, pong)); err != nil {
		return fmt.Errorf("handshake: %w", err)
	}
	if denial != nil {
		return &closing{code: protocol.ClosePolicyViolation, reason: notAdmitted, cause: denial}
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
		err = message.ReadAll(r, maxPingBytes)
	}
	network, isNetwork := errors.AsType[net.Error](err)
	switch {
	case isNetwork && network.Timeout() && !c.handshakeDeadline(time.Time{}):
		return forward.Ping{}, &closing{code: protocol.ClosePolicyViolation, reason: "no handshake in time"}
	case errors.Is(err, budget.ErrTooLong):
		return forward.Ping{}, &closing{code: protocol.CloseTooBig, reason: fmt.Sprintf("message is longer than %d bytes", maxPingBytes)}
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
	if !c.draining {
		c.setReadDeadline(deadline)
	}
	return c.draining
}

// Challenge returns a server's first message of the handshake, for each connection
// another one.
func (o *ForwardOptions) Challenge() forward.Helo {
	helo := forward.Helo{Nonce: randomBytes(), Keepalive: true}
	if len(o.Users) > 0 {
		helo.Auth = randomBytes()
	}
	return helo
}

// Answer returns the last message of the handshake, and why the client is not let in,
// for the log; nil if it is. It takes the same time whatever the reason is.
func (o *ForwardOptions) Answer(helo *forward.Helo, ping *forward.Ping) (pong forward.Pong, denial error) {
	if denial := o.deny(ping, helo); denial != nil {
		return forward.Pong{Reason: notAdmitted}, denial
	}
	return forward.Pong{
		OK:        true,
		Hostname:  o.Hostname,
		KeyDigest: forward.KeyDigest(ping.Salt, o.Hostname, helo.Nonce, o.SharedKey),
	}, nil
}

// deny returns why the client is not admitted, for the log. It takes the same time
// whatever the reason is.
func (o *ForwardOptions) deny(ping *forward.Ping, helo *forward.Helo) error {
	key := forward.KeyDigest(ping.Salt, ping.Hostname, helo.Nonce, o.SharedKey)
	knowsKey := subtle.ConstantTimeCompare([]byte(key), []byte(ping.KeyDigest)) == 1
	password, isUser := o.Users[ping.Username]
	digest := forward.PasswordDigest(helo.Auth, ping.Username, password)
	isUser = subtle.ConstantTimeCompare([]byte(digest), []byte(ping.PasswordDigest)) == 1 && isUser
	switch {
	case !knowsKey:
		return errors.New("the shared key differs")
	case len(o.Users) > 0 && !isUser:
		return errors.New("no such user, or another password")
	}
	return nil
}

func randomBytes() []byte {
	b := make([]byte, saltBytes)
	_, _ = rand.Read(b) // it never fails, or ends the program
	return b
}
