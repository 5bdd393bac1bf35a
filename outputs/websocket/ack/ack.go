// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package ack

import (
	"cmp"
	"time"

	"filebeat-websocket/outputs/internal/registry"
	"filebeat-websocket/protocol/forward"
)

// Strategy decides when messages are confirmed. The messages of a connection
// are numbered 1, 2, 3, ... in the order in which they are written.
//
// The session does what a Verdict asks for before it calls the strategy again.
type Strategy interface {
	// Open is called once, right after the upgrade.
	Open() Verdict

	// Ready reports whether the strategy knows enough of the peer for messages
	// to be sent.
	Ready() bool

	// Sent is called when every message up to number through is written. through is
	// the last message of a batch.
	Sent(through uint64) Verdict

	// Heartbeat returns a Ping that only has to be answered.
	Heartbeat() Verdict

	// Pong takes the payload of a Pong that came in. It does not keep it.
	Pong(payload []byte) Verdict

	// Message takes a data message that came in. It does not keep it. An error means
	// that something in the message was not understood: it is logged once and ignored.
	Message(payload []byte) (Verdict, error)

	// Note returns a sentence about the peer that is logged once per connection,
	// empty for none. It is called when Ready is true.
	Note() string
}

// Verdict is what a Strategy concludes and what it asks for. The zero value is
// neither.
type Verdict struct {
	// Confirmed confirms every message up to this number, except those refused
	// before; 0 for none.
	Confirmed uint64
	// Settled confirms this one message; 0 for none.
	Settled uint64
	// Refused is a message that the receiver refused.
	Refused *Refusal
	// Progress means that the receiver is still processing what it has.
	Progress bool
	// Pause asks for no new messages for this time.
	Pause time.Duration
	// Ping asks for a Ping with this payload (RFC 6455 5.5.2); nil for none. Pong and
	// Message return one only while Ready is false.
	Ping []byte
	// Reply is a message without a number, to be written before the Ping; nil for
	// none. As with Ping, only while Ready is false.
	Reply []byte
	// More means that the message held more than this: Message is to be called again,
	// with nil. Message sets it beside an error too.
	More bool
	// Failed ends the connection with this cause.
	Failed error
}

// Reader is a Strategy that reads the messages.
type Reader interface {
	// Written is called with each message before any of it can reach the peer. It
	// does not keep the message. Calls are in the order of the numbers, each before
	// the Sent that covers it.
	Written(number uint64, message []byte)
}

// Waiter is a Strategy that can say what it waits for while Ready is false.
type Waiter interface {
	// Awaits returns a few words, such as "answer to the first Ping".
	Awaits() string
}

// As returns the first of s and the strategies inside it that is a T. A strategy that
// wraps another one has a method Unwrap that returns it.
func As[T any](s Strategy) (found T, ok bool) {
	for s != nil {
		if found, ok = s.(T); ok {
			return found, true
		}
		wrapper, isWrapper := s.(interface{ Unwrap() Strategy })
		if !isWrapper {
			break
		}
		s = wrapper.Unwrap()
	}
	return found, false
}

// Refusal is a message, or some of its records, that the receiver refused.
type Refusal struct {
	// Message is its number.
	Message uint64
	// Records are the refused records, counted from 0; empty for all.
	Records []int
	// Retry means that they may be sent again.
	Retry bool
	// Reason is the receiver's text.
	Reason string
}

// Config has the settings of strategies.
type Config struct {
	// Field is the field with the number of the confirmed message, such as "a.b", in
	// the replies of a server that does not speak filebeat.ack.v1.
	Field string
	// MaxReadBytes is the maximum length of a reply where replies come in a stream; 0
	// for 1 MiB.
	MaxReadBytes int
}

// stream returns what cuts the replies of Fluent Forward.
func (c Config) stream() *forward.Stream { return forward.NewStream(cmp.Or(c.MaxReadBytes, 1<<20)) }

// Type is a kind of strategy.
type Type struct {
	// New makes a strategy for one connection.
	New func(Config) Strategy
	// Subprotocol returns the subprotocol that has to be offered and picked in the
	// upgrade (RFC 6455 1.9), empty for none. A nil func means none.
	Subprotocol func(Config) string
}

var types = registry.New[Type]("ack")

// Register registers a kind of strategy under its name for `ack:`. It is called from
// init functions and panics if the name is taken.
func Register(name string, t Type) { types.Register(name, t) }

// Get returns the kind of strategy of that name, or an error that lists the
// known ones.
func Get(name string) (Type, error) { return types.Get(name) }

// Names returns the names of all strategies in alphabetical order.
func Names() []string { return types.Names() }
