// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package ack

import (
	"time"

	"filebeat-websocket/outputs/internal/registry"
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

	// Sent tells that every message up to number through has been written, and
	// that a batch ends there.
	Sent(through uint64) Verdict

	// Heartbeat asks for a Ping whose only purpose is an answer.
	Heartbeat() Verdict

	// Pong takes the payload of a Pong that came in. It does not keep it.
	Pong(payload []byte) Verdict

	// Message takes a data message that came in. It does not keep it. An error
	// says that the message made no sense; it is logged once and the message
	// ignored.
	Message(payload []byte) (Verdict, error)

	// Note returns a sentence about the peer that an operator should see once a
	// connection, empty if there is none. It is asked for once Ready holds.
	Note() string
}

// Verdict is what a Strategy concludes and what it wants to be done. The zero
// value is nothing at all.
type Verdict struct {
	// Confirmed confirms every message up to this number, but for those that
	// were refused before; 0 none.
	Confirmed uint64
	// Settled confirms this one message; 0 none.
	Settled uint64
	// Refused is a message that the receiver did not take.
	Refused *Refusal
	// Progress says that the receiver is still at work on what it has.
	Progress bool
	// Pause asks for no new messages for so long.
	Pause time.Duration
	// Ping asks for a Ping with this payload (RFC 6455 5.5.2); nil for none. What
	// comes in is answered with one only while Ready does not hold.
	Ping []byte
	// Reply is a message to be written before the Ping, which has no number; nil
	// for none. As with Ping, only while Ready does not hold.
	Reply []byte
	// Failed ends the connection with this cause.
	Failed error
}

// Reader is a Strategy that reads the messages.
type Reader interface {
	// Written tells of the message of that number before any of it can reach the
	// peer. It does not keep it. Messages come in the order of their numbers,
	// each before the Sent that covers it.
	Written(number uint64, message []byte)
}

// Waiter is a Strategy that can say what it waits for while Ready does not hold.
type Waiter interface {
	// Awaits returns it in a few words, such as "answer to the first Ping".
	Awaits() string
}

// As returns the first of s and the strategies inside of it that is a T. A
// strategy with another one inside has a method Unwrap that returns it.
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

// Refusal is one message, or some of its records, that the receiver did not
// take.
type Refusal struct {
	// Message is its number.
	Message uint64
	// Records are those that were not taken, counted from 0; empty for all.
	Records []int
	// Retry says that they may be sent again.
	Retry bool
	// Reason is what the receiver says about it.
	Reason string
}

// Config is what a strategy may need to know.
type Config struct {
	// Field is where the number of the confirmed message stands in the replies
	// of a server that does not speak filebeat.ack.v1, such as "a.b".
	Field string
}

// Type is a kind of strategy.
type Type struct {
	// New makes a strategy for one connection.
	New func(Config) Strategy
	// Subprotocol returns what has to be offered and picked in the upgrade (RFC
	// 6455 1.9), empty for nothing. Nil is a func that returns that.
	Subprotocol func(Config) string
}

var types = registry.New[Type]("ack")

// Register makes a kind of strategy known under the name that `ack:` takes. It
// is called from init functions and panics if the name is taken.
func Register(name string, t Type) { types.Register(name, t) }

// Get returns the kind of strategy of that name, or an error that lists the
// known ones.
func Get(name string) (Type, error) { return types.Get(name) }

// Names returns the names of all strategies in alphabetical order.
func Names() []string { return types.Names() }
