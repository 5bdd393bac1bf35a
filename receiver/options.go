// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"filebeat-websocket/receiver/decode"
	"filebeat-websocket/receiver/handshake"
)

const (
	// DefaultMaxMessageBytes is Options.MaxMessageBytes unless set: 1 MiB.
	DefaultMaxMessageBytes = decode.DefaultMaxMessageBytes

	defaultWriteTimeout = 10 * time.Second
	defaultCloseTimeout = 5 * time.Second
	// progressInterval is how long a client that speaks filebeat.ack.v1 waits for a
	// word while its messages are worked on.
	progressInterval = time.Second
)

// Options configure a Handler. All may be left out.
type Options struct {
	// MaxMemory, MaxConnections and Observers are as in IntakeOptions. A Handler on an
	// Intake that it shares (NewHandler) has those of the Intake, and they are not set
	// here.
	MaxMemory      int64
	MaxConnections int
	Observers      []Observer

	// Ack is "auto" or "none"; "auto" unless set: messages of clients that offer the
	// subprotocol filebeat.ack.v1 are acked, and so are requests of Fluent Forward
	// that carry the id of their chunk. With "none" the subprotocol is not picked,
	// and no chunk is acked.
	Ack string

	// Format is one of decode.Formats; "auto" unless set.
	Format string

	// CSV and LTSV are for the formats of these names, LTSV for auto too.
	CSV  decode.CSVOptions
	LTSV decode.LTSVOptions

	// Forward, with a shared key, makes every connection begin with the handshake of
	// Fluent Forward, whatever Format is: a client that is not admitted is closed with
	// 1008.
	Forward handshake.Options

	// MaxMessageBytes is the longest message, in bytes as the client's application
	// wrote them; 1 MiB unless set. A longer one ends its connection with 1009. It
	// holds for the entries of a message's Forward requests too, once inflated.
	MaxMessageBytes int64

	// CheckOrigin reports whether a request with an Origin header may be upgraded. nil
	// lets pages of the same origin in.
	CheckOrigin func(*http.Request) bool

	// WriteTimeout bounds the write of an ack, a Pong or a Close frame; 10 s unless
	// set. A client that reads so slowly that it passes is cut off.
	WriteTimeout time.Duration

	// CloseTimeout is how long a client has to disconnect after a Close frame from
	// here; 5 s unless set.
	CloseTimeout time.Duration

	// MaxConnectionAge, where set, is how old a connection becomes at most: at a random
	// time between half of it and all of it, what was read is confirmed, and the
	// connection is closed with 1001. Behind a balancer, clients spread over servers that
	// were added since.
	MaxConnectionAge time.Duration

	// Sender, where set, says for Peer.Sender who sends on the connection of an upgrade
	// request, such as access.Sender does by token and certificate. Without it all
	// clients are one.
	Sender func(*http.Request) string
}

const (
	ackAuto = "auto"
	ackNone = "none"
)

// AckModes returns the names for Options.Ack.
func AckModes() []string { return []string{ackAuto, ackNone} }

func (o *Options) complete() error {
	if o.Ack == "" {
		o.Ack = ackAuto
	}
	if !slices.Contains(AckModes(), o.Ack) {
		return fmt.Errorf("option Ack: %q is not one of %v", o.Ack, AckModes())
	}
	if o.MaxMessageBytes < 0 || o.WriteTimeout < 0 || o.CloseTimeout < 0 || o.MaxConnectionAge < 0 {
		return errors.New("options MaxMessageBytes, WriteTimeout, CloseTimeout and MaxConnectionAge can't be negative")
	}
	if err := o.Forward.Complete(); err != nil {
		return fmt.Errorf("option Forward.%w", err)
	}
	o.Format = cmp.Or(o.Format, decode.Auto)
	o.MaxMessageBytes = cmp.Or(o.MaxMessageBytes, DefaultMaxMessageBytes)
	o.WriteTimeout = cmp.Or(o.WriteTimeout, defaultWriteTimeout)
	o.CloseTimeout = cmp.Or(o.CloseTimeout, defaultCloseTimeout)
	return nil
}
