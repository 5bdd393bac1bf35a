// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

const (
	// DefaultMaxMessageBytes is Options.MaxMessageBytes unless set: 1 MiB.
	DefaultMaxMessageBytes = 1 << 20
	// DefaultMaxConnections is Options.MaxConnections unless set.
	DefaultMaxConnections = 1024
	// DefaultMaxUncommittedBytes is Options.MaxUncommittedBytes unless set: 64 MiB.
	DefaultMaxUncommittedBytes = 64 << 20

	defaultWriteTimeout = 10 * time.Second
	defaultCloseTimeout = 5 * time.Second
	// progressInterval is how long a client that speaks filebeat.ack.v1 is left
	// without a word while its messages are worked on.
	progressInterval = time.Second
)

// Options configure a Handler. Only Consume is required.
type Options struct {
	// Consume takes the records of one message. It is called from the
	// connection's reader goroutine, and nothing more is read from the connection
	// until it returns. nil means that they are in its care, or are so with the
	// next Commit. A *Refusal refuses all or some of them. Any other error ends the
	// connection with 1011. The Batch is only valid during the call. ctx ends when
	// the connection is cut at the end of Handler.Shutdown.
	Consume func(ctx context.Context, b *Batch) error

	// Commit, where set, makes durable everything for which Consume has returned
	// nil so far, or a Refusal of some records. Nothing is confirmed before. It is
	// called for all connections together, from one goroutine, never twice at a
	// time, but while Consume runs. When it fails, whatever the error, it may forget
	// what it was to make durable: everything that was consumed before it returned
	// and not committed by an earlier call is refused with Retry, on all
	// connections, so that no later call has to vouch for it. ctx ends when
	// Handler.Shutdown gives up.
	Commit func(ctx context.Context) error

	// MaxUncommittedBytes bounds what was consumed on all connections and waits for
	// Commit, in bytes of messages and 64 for each; 64 MiB unless set. Beyond it
	// connections are not read.
	MaxUncommittedBytes int64

	// Ack is "auto" or "none"; "auto" unless set: messages of clients that offer the
	// subprotocol filebeat.ack.v1 are acked, and so are requests of Fluent Forward
	// that carry the id of their chunk. With "none" the subprotocol is not picked,
	// and no chunk is acked.
	Ack string

	// Format is one of Formats; "auto" unless set.
	Format string

	// CSV and LTSV are for the formats of these names, LTSV for auto too.
	CSV  CSVOptions
	LTSV LTSVOptions

	// Forward is for clients that speak Fluent Forward.
	Forward ForwardOptions

	// MaxMessageBytes is the longest message, in bytes as the client's application
	// wrote them; 1 MiB unless set. A longer one ends its connection with 1009. It
	// holds for the entries of a message's Forward requests too, once inflated.
	MaxMessageBytes int64

	// MaxConnections is how many connections there can be at once; 1024 unless set.
	// Further upgrade requests get 503.
	MaxConnections int

	// WriteTimeout bounds the write of an ack, a Pong or a Close frame; 10 s unless
	// set. A client that reads so slowly that it passes is cut off.
	WriteTimeout time.Duration

	// CloseTimeout is how long a client has to hang up after a Close frame from
	// here; 5 s unless set.
	CloseTimeout time.Duration

	// OnOpen and OnClose, where set, are called at the beginning and the end of
	// each connection, from its goroutine.
	OnOpen  func(Conn)
	OnClose func(Conn, ConnEnd)
	// OnRefuse, where set, is called for every refusal: of Consume, of Commit (once
	// for each connection) and of messages that are not what the format says. It is
	// called from the connection's goroutine or from Commit's, and should not take
	// long.
	OnRefuse func(Conn, *Refusal)
	// OnConfirm, where set, is called after acks or Pongs were written to the
	// client, once for all that went out together. It is called from a goroutine of
	// the connection that writes nothing more meanwhile, and should not take long.
	OnConfirm func(Conn)
}

const (
	ackAuto = "auto"
	ackNone = "none"
)

// AckModes returns the names for Options.Ack.
func AckModes() []string { return []string{ackAuto, ackNone} }

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
	// Refused are the messages of which at least a record was refused, also by a
	// Commit that failed after they were consumed.
	Refused uint64
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
	MessageNumber uint64 // of its connection, from 1; refused ones count too
	FrameType     int    // websocket.TextMessage or websocket.BinaryMessage
	MessageBytes  int    // of the message, before decoding
	Format        string // what it was read as: one of Formats, and not auto
	// Records are in the order of the message, each one JSON value without a line
	// break. There may be none: an empty array is a message too. Those that the
	// format could not read are left out and refused.
	Records [][]byte
	// Chunks are the ids of the Forward requests in the message, in order, empty
	// for one without; nil if it holds none. ChunkRecords has how many of Records
	// each of them holds.
	Chunks       []string
	ChunkRecords []int
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
	if o.Ack == "" {
		o.Ack = ackAuto
	}
	if !slices.Contains(AckModes(), o.Ack) {
		return fmt.Errorf("option Ack: %q is none of %v", o.Ack, AckModes())
	}
	if o.MaxMessageBytes < 0 || o.MaxConnections < 0 || o.MaxUncommittedBytes < 0 || o.WriteTimeout < 0 || o.CloseTimeout < 0 {
		return errors.New("options MaxMessageBytes, MaxConnections, MaxUncommittedBytes, WriteTimeout and CloseTimeout can't be negative")
	}
	if err := errors.Join(o.CSV.complete(), o.LTSV.complete(), o.Forward.complete()); err != nil {
		return err
	}
	setDefault(&o.MaxMessageBytes, DefaultMaxMessageBytes)
	setDefault(&o.MaxConnections, DefaultMaxConnections)
	setDefault(&o.MaxUncommittedBytes, DefaultMaxUncommittedBytes)
	setDefault(&o.WriteTimeout, defaultWriteTimeout)
	setDefault(&o.CloseTimeout, defaultCloseTimeout)
	return nil
}

func setDefault[T int | int64 | time.Duration](option *T, value T) {
	if *option == 0 {
		*option = value
	}
}
