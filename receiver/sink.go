// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import "context"

// Sink is where records go. Its methods are called from many goroutines.
//
// Sinks can wrap sinks: the outermost sees every record, also those that an inner
// one leaves out.
type Sink interface {
	// Consume takes the records of one message. It is called from the connection's
	// reader goroutine, and nothing more is read from the connection until it
	// returns. nil means that the records are in the Sink's care, and durable after
	// the next Commit. A *Refusal refuses all or some of them. Any other error ends
	// the connection with 1011. m is only valid during the call. ctx ends when the
	// connection is cut at the end of Handler.Shutdown.
	Consume(ctx context.Context, m *Message) error

	// Commit makes durable everything for which Consume has returned nil so far, or
	// a Refusal of some records. Nothing is confirmed before. It does nothing if
	// Consume does it all. It is called for all connections together, from one
	// goroutine, never twice at a time, but while Consume runs. When it fails,
	// whatever the error, it may forget what it was to make durable: everything that
	// was consumed before it returned and not committed by an earlier call is refused
	// with Retry, on all connections, so that no later call has to vouch for it. ctx
	// ends when Handler.Shutdown gives up.
	Commit(ctx context.Context) error
}

// SinkFunc is a Sink that has nothing to commit: what it returns nil for is
// confirmed.
type SinkFunc func(ctx context.Context, m *Message) error

// Consume calls f.
func (f SinkFunc) Consume(ctx context.Context, m *Message) error { return f(ctx, m) }

// Commit does nothing.
func (f SinkFunc) Commit(context.Context) error { return nil }

// Message is one WebSocket message, decoded. It and all its slices belong to the
// connection: they are valid only until Consume returns, which may change them
// until then.
type Message struct {
	Peer   Peer
	Number uint64 // among the messages of its connection, from 1; refused ones count too
	Binary bool   // not a text message
	Bytes  int    // of the message, before decoding
	Format string // what it was read as: one of decode.Formats, and not auto
	// Records are in the order of the message, each one JSON value without a line
	// break. There may be none: an empty array is a message too. Those that the
	// format could not read are left out and refused.
	Records [][]byte
	// Chunks are the ids of the Forward requests in the message, in order, empty
	// for one without; nil if it holds none. ChunkRecords has how many of Records
	// each of them holds.
	Chunks       []string
	ChunkRecords []int

	// Duplicates is for a Sink to set that leaves out records which it has taken
	// before: how many of Records it did not store again. They count as taken.
	Duplicates int

	// Late is for a Sink that learns later whether it could store records. nil if the
	// listener knows no single records: then Commit has to fail.
	Late Late
}

// Late refuses records of a message that Consume has taken. It may be called from any
// goroutine, also before Consume returns, until the Commit that covers the message returns
// nil: that confirms all others. It does not block.
type Late interface {
	// RefuseLate refuses records of the message with that number. The Refusal is as from
	// Consume, and belongs to the caller no longer.
	RefuseLate(number uint64, refusal *Refusal)
}

// LateSink is a Sink that uses Message.Late.
type LateSink interface {
	Sink
	RefusesLate()
}

var _ Sink = SinkFunc(nil)
