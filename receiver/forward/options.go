// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"filebeat-websocket/receiver/handshake"
)

const (
	// DefaultMaxRequestBytes is Options.MaxRequestBytes unless set: 16 MiB. Fluentd's
	// requests have 8 MB by default, Fluent Bit's 2 MB.
	DefaultMaxRequestBytes = 16 << 20

	// handshakeTimeout is how long TLS and the handshake of Forward may take, each.
	handshakeTimeout = 10 * time.Second
	// requestTimeout is how long a request may take from its first byte to its last.
	requestTimeout = 2 * time.Minute
	// writeTimeout is for clients that do not read their confirmations.
	writeTimeout = 10 * time.Second
	// idleTimeout is how long a client must have sent no request to give way to another one.
	idleTimeout = 10 * time.Second
	// closeTimeout is how long a client has to disconnect once the server has sent its FIN.
	closeTimeout = 2 * time.Second
)

// Options configure a Server. All may be left out.
type Options struct {
	// Access decides which clients are admitted. With a shared key every connection begins
	// with the handshake; without one a client may send immediately.
	Access handshake.Options

	// MaxRequestBytes is the maximum length of a request in bytes, and of its entries once
	// inflated; 16 MiB unless set.
	MaxRequestBytes int64

	// MaxConnectionAge, where set, is how old a connection becomes at most: at a random
	// time between half of it and all of it, the request under way is taken and confirmed,
	// and the connection is closed. One whose client has never asked for a confirmation
	// stays: it would not send again what it is sending.
	MaxConnectionAge time.Duration

	// NoAcks turns confirmations off.
	NoAcks bool

	// Sender, if set, returns the Peer.Sender of a connection, as access.ConnSender does
	// from certificate and user. It is called after the handshake of TLS; user is empty
	// without users. Without it all clients count as one sender.
	Sender func(conn net.Conn, user string) string

	// Admitted, if set, is called when a connection proves to be a client's: after the
	// handshake or, without a shared key, after the first request.
	Admitted func(conn net.Conn)

	// Refused, if set, is called with a connection that was not admitted, and the reason.
	// With ErrDenied it is called before the client is told, which it may delay until
	// ctx ends. It is called from the connection's goroutine.
	Refused func(ctx context.Context, remoteAddr string, why error)
}

// ErrDenied is wrapped by the reason why a client failed the handshake: it does not know
// the key, or is not a user.
var ErrDenied = errors.New("authentication failed")

func (o *Options) complete() error {
	switch {
	case o.MaxRequestBytes < 0:
		return errors.New("option MaxRequestBytes can't be negative")
	case o.MaxConnectionAge < 0:
		return errors.New("option MaxConnectionAge can't be negative")
	}
	o.MaxRequestBytes = cmp.Or(o.MaxRequestBytes, DefaultMaxRequestBytes)
	if err := o.Access.Complete(); err != nil {
		return fmt.Errorf("option Access.%w", err)
	}
	return nil
}
