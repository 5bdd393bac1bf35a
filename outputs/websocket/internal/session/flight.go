// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package session

import (
	"sync/atomic"
	"time"

	"filebeat-websocket/outputs/websocket/ack"
)

// Flight is what Send sends: the messages of one publisher.Batch. They are sent
// together and have one outcome.
type Flight interface {
	// Messages returns how many there are, at least 1.
	Messages() int
	// Size returns the length of message i in bytes.
	Size(i int) int
	// AppendTo appends message i to dst and returns the extended slice.
	AppendTo(dst []byte, i int) []byte

	// Alone reports whether nothing else may be in flight beside it, so that it is
	// known to be the cause if the receiver ends the connection over it.
	Alone() bool

	// Settled is called once, with the outcome. From then on the session does not
	// read the messages.
	Settled(Outcome)
}

// Outcome is what became of a flight. Messages are counted from 0.
type Outcome struct {
	// Cause is why the session died, nil if every message has its verdict.
	Cause error
	// Confirmed is how many messages from the first on are settled: each of them
	// is in the receiver's care, unless it is among Refused.
	Confirmed int
	// Apart are messages beyond Confirmed that were settled all the same when the
	// session died: they are as those before, and may be all of a flight
	// that was behind another one.
	Apart []int
	// Refused are the messages that the receiver did not take, in any order.
	// They may be beyond Confirmed.
	Refused []ack.Refusal
	// Alone says that nothing else was in flight when the session died.
	Alone bool
}

// inFlight is a flight and what the session knows of it. It is settled once both
// its holders have let go: the window, with the verdict, and Send, which may still
// read its messages when the verdict comes. Without the second holder a batch that
// was lost while it was being written could be handed to another connection, be
// confirmed there, and have its records reused while the first Send still reads
// them.
type inFlight struct {
	flight    Flight
	first     uint64    // number of its first message
	writtenAt time.Time // zero until its last byte is in the socket
	outcome   Outcome
	holders   atomic.Int32
	// All but flight and holders are guarded by stateMutex until the window has
	// let go of it.
}

func (f *inFlight) release() {
	if f.holders.Add(-1) == 0 {
		f.flight.Settled(f.outcome)
	}
}
