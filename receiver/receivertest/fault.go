// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receivertest

import (
	"net/http"
	"time"
)

// AtOpen in a field ...AtMessage means right after the upgrade, before any
// message. Zero means never, a positive number that message of the connection.
const AtOpen = -1

// Fault says how one connection misbehaves. The zero value is a healthy
// server. Fields combine where that makes sense. A message at which a fault
// strikes is still read and counted, and nothing is answered after it.
type Fault struct {
	// Instead of the upgrade, in this order of precedence.

	// HangUpgrade accepts the TCP connection and never answers.
	HangUpgrade bool
	// NotHTTP is sent in answer to the request, then FIN.
	NotHTTP []byte
	// RefuseStatus answers with this HTTP status, RefuseHeader and RefuseBody,
	// then FIN. A redirect is status 302 with a Location.
	RefuseStatus int
	RefuseHeader http.Header
	RefuseBody   string
	// WrongAccept answers 101 with a Sec-WebSocket-Accept of another key.
	WrongAccept bool

	// Right after the upgrade, in this order. Reading goes on meanwhile.

	// SendGarbage is written as it is, outside of any frame.
	SendGarbage []byte
	// SendMessage is sent as an unasked text message.
	SendMessage string
	// SendHuge sends an unasked text message of so many bytes, in one frame.
	SendHuge int
	// UnsolicitedPongs sends so many Pongs that answer no Ping, and as many again
	// before each Pong that does; their payloads are in turn empty and "unasked".
	UnsolicitedPongs int

	// How Pings are answered.

	// Delay passes between a Ping and its Pong. Reading goes on, so it is
	// latency and does not limit how many Pings are answered in a second.
	Delay time.Duration
	// MutePongs never answers a Ping.
	MutePongs bool
	// EmptyPongs answers without the Ping's payload, as some peers do.
	EmptyPongs bool
	// PongOnlyNewest answers only the newest of several Pings, as RFC 6455 5.5.3
	// permits: of those that were read at once or, with Delay, of those that came
	// until the oldest one's Delay was over.
	PongOnlyNewest bool

	// The end.

	// DropAtMessage cuts the connection with an RST.
	DropAtMessage int
	// CloseAtMessage sends a Close frame with CloseCode and CloseReason, then FIN.
	// Any code goes, also those that must not be on the wire (999, 1006, 1014);
	// 0 sends an empty Close frame.
	CloseAtMessage int
	CloseCode      int
	CloseReason    string
	// HalfFrameAtMessage sends the first half of a text frame, then FIN.
	HalfFrameAtMessage int

	// Back-pressure.

	// StopReadingAtMessage leaves the connection open and reads no more.
	StopReadingAtMessage int
	// SlowRead reads at most so many bytes per second after the upgrade.
	SlowRead int
}
