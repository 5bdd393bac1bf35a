// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"fmt"

	"filebeat-websocket/protocol"
)

// Peer is who is at the other end of a connection.
type Peer struct {
	ID         uint64 // of the connection: from 1, in the order of the upgrades
	RemoteAddr string // host:port, as net/http has it
	// Sender is by Client.Identify: the same on each connection of a client, another
	// for other clients. It may stem from a secret, and does not belong into a log.
	Sender string
}

// End is what a connection did and why it ended.
type End struct {
	Messages uint64 // that were consumed; the next two are of these
	Records  uint64
	Bytes    uint64 // of messages, before decoding
	// Refused counts the messages of which at least a record was refused, also by
	// a Commit that failed after they were consumed.
	Refused uint64
	// Duplicates counts those of Records that a Sink left out: see Message.Duplicates.
	Duplicates uint64
	// CloseCode is that of the Close frame which ended the connection, from either
	// side; 1006 if there was none.
	CloseCode protocol.CloseCode
	// Cause is the error that ended it. It wraps Consume's error.
	Cause error
}

// TooLongError is the cause of the end of a connection whose client sent a message
// that was longer than Options.MaxMessageBytes.
type TooLongError struct {
	Limit int64
	// Bytes is the length that the message's frames claimed, or what came of it when
	// it was compressed, until the end: it may be longer.
	Bytes int64
}

func (e *TooLongError) Error() string { return fmt.Sprintf("message is longer than %d bytes", e.Limit) }

// Observer is told what happens on connections. Each function may be nil.
type Observer struct {
	// Opened and Closed are called at the beginning and the end of each connection,
	// from its goroutine.
	Opened func(Peer)
	Closed func(Peer, End)
	// Refused is called for every refusal: of Consume, of Commit (once for each
	// connection) and of messages that the format cannot read. It is called from the
	// connection's goroutine or from Commit's, and should not take long.
	Refused func(Peer, *Refusal)
	// Confirmed is called after acks or Pongs were written to the client, once for
	// all that went out together. It is called from a goroutine of the connection
	// that writes nothing more meanwhile, and should not take long.
	Confirmed func(Peer)
}

// observers are told in their order.
type observers []Observer

func (all observers) opened(p Peer) {
	for i := range all {
		if all[i].Opened != nil {
			all[i].Opened(p)
		}
	}
}

func (all observers) closed(p Peer, end End) {
	for i := range all {
		if all[i].Closed != nil {
			all[i].Closed(p, end)
		}
	}
}

func (all observers) refused(p Peer, refusal *Refusal) {
	for i := range all {
		if all[i].Refused != nil {
			all[i].Refused(p, refusal)
		}
	}
}

func (all observers) confirmed(p Peer) {
	for i := range all {
		if all[i].Confirmed != nil {
			all[i].Confirmed(p)
		}
	}
}
