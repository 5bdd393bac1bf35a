// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"cmp"
	"context"
	"errors"
	"net"
	"time"

	"filebeat-websocket/receiver"
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
	// closeTimeout is how long a client has to disconnect once the server has sent its FIN.
	closeTimeout = 2 * time.Second
)

// Options configure a Server. All may be left out.
type Options struct {
	// Access is who may come in. With a shared key every connection begins with the
	// handshake; without one a client may send at once.
	Access receiver.ForwardOptions

	// MaxRequestBytes is the longest request, in bytes; 16 MiB unless set. It holds for
	// its entries too, once inflated.
	MaxRequestBytes int64

	// NoAcks turns confirmations off.
	NoAcks bool

	// Sender, where set, says for Peer.Sender who sends on the connection, such as
	// access.ConnSender does by certificate and user. TLS is complete, and user is
	// empty without users. Without it all clients are one.
	Sender func(conn net.Conn, user string) string

	// Admitted, where set, is told of a connection that has shown itself to be of a
	// client: after the handshake, or after the first request without one.
	Admitted func(conn net.Conn)

	// Refused, where set, is told of a connection that was not let in, and why. With
	// ErrDenied it is called before the client is told, which it may delay until ctx
	// ends. It is called from the connection's goroutine.
	Refused func(ctx context.Context, remoteAddr string, why error)
}

// ErrDenied is wrapped by the reason for which a client failed the handshake: it does
// not know the key, or is no user.
var ErrDenied = errors.New("authentication failed")

func (o *Options) complete() error {
	if o.MaxRequestBytes < 0 {
		return errors.New("option MaxRequestBytes can't be negative")
	}
	o.MaxRequestBytes = cmp.Or(o.MaxRequestBytes, DefaultMaxRequestBytes)
	return o.Access.Complete()
}
