// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// DefaultMaxMessageBytes is Options.MaxMessageBytes unless set: 1 MiB.
	DefaultMaxMessageBytes = 1 << 20
	// DefaultMaxConnections is Options.MaxConnections unless set.
	DefaultMaxConnections = 1024

	defaultWriteTimeout = 10 * time.Second
	defaultCloseTimeout = 5 * time.Second
)

// Options configure a Handler. Only Consume is required.
type Options struct {
	// Consume takes the records of one message. It is called from the
	// connection's reader goroutine, and nothing more is read from the connection
	// until it returns. An error ends the connection with 1011. The Batch is only
	// valid during the call. ctx ends when the connection is cut at the end of
	// Handler.Shutdown.
	Consume func(ctx context.Context, b *Batch) error

	// Format is one of Formats; "auto" unless set.
	Format string

	// MaxMessageBytes is the longest message, in bytes as the client's application
	// wrote them; 1 MiB unless set. A longer one ends its connection with 1009.
	MaxMessageBytes int64

	// MaxConnections is how many connections there can be at once; 1024 unless set.
	// Further upgrade requests get 503.
	MaxConnections int

	// WriteTimeout bounds the write of a Pong or a Close frame; 10 s unless set. A
	// client that reads so slowly that it passes is cut off.
	WriteTimeout time.Duration

	// CloseTimeout is how long a client has to hang up after a Close frame from
	// here; 5 s unless set.
	CloseTimeout time.Duration

	// OnOpen and OnClose, where set, are called at the beginning and the end of
	// each connection, from its goroutine.
	OnOpen  func(Conn)
	OnClose func(Conn, ConnEnd)
}

// Conn identifies a connection.
type Conn struct {
	ID         uint64 // from 1, in the order of the upgrades
	RemoteAddr string // host:port, as net/http has it
}

// ConnEnd is what a connection did and why it ended.
type ConnEnd struct {
	Messages uint64 // consumed ones, as are the next two
	Records  uint64
	Bytes    uint64 // of messages, before decoding
	// CloseCode is that of the Close frame which ended it, from either side; 1006
	// if there was none.
	CloseCode int
	// Cause is the error that ended it. It wraps Consume's error.
	Cause error
}

// Batch is one WebSocket message, decoded. It and all its slices belong to the
// connection: they are valid only until Consume returns, which may change them
// until then.
type Batch struct {
	Conn
	MessageNumber uint64 // of its connection, from 1
	FrameType     int    // websocket.TextMessage or websocket.BinaryMessage
	MessageBytes  int    // of the message, before decoding
	// Records are in the order of the message, each one JSON value without a line
	// break. There may be none: an empty array is a message too.
	Records [][]byte
}

func (o *Options) complete() error {
	if o.Consume == nil {
		return errors.New("option Consume is missing")
	}
	if o.Format == "" {
		o.Format = formatAuto
	}
	if _, ok := formats[o.Format]; !ok {
		return fmt.Errorf("option Format: %q is none of %v", o.Format, Formats())
	}
	if o.MaxMessageBytes < 0 || o.MaxConnections < 0 || o.WriteTimeout < 0 || o.CloseTimeout < 0 {
		return errors.New("options MaxMessageBytes, MaxConnections, WriteTimeout and CloseTimeout can't be negative")
	}
	setDefault(&o.MaxMessageBytes, DefaultMaxMessageBytes)
	setDefault(&o.MaxConnections, DefaultMaxConnections)
	setDefault(&o.WriteTimeout, defaultWriteTimeout)
	setDefault(&o.CloseTimeout, defaultCloseTimeout)
	return nil
}

func setDefault[T int | int64 | time.Duration](option *T, value T) {
	if *option == 0 {
		*option = value
	}
}
