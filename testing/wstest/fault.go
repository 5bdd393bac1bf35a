// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package wstest

import (
	"net/http"
	"time"
)

// AtOpen in a field ...AtMessage means right after the upgrade, before any
// message. Zero means never, a positive number that message of the connection.
const AtOpen = -1

// Fault says how one connection misbehaves. The zero value is a healthy server.
// Fields combine where that makes sense. The message at which a fault strikes is still
// read and counted, and nothing is answered from then on.
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
	// PingFlood sends so many Pings, as fast as the client takes them.
	PingFlood int
	// TinyMessages sends so many unasked text messages of one byte, likewise.
	TinyMessages int
	// EndlessMessage sends the fragments of one text message for as long as the
	// connection lasts. No confirmation fits into it, so none is sent.
	EndlessMessage bool

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

	// How messages are confirmed, on connections for which filebeat.ack.v1 was
	// picked (see WithSubprotocols) or that have a ReplyField. Without a fault one
	// cumulative ack follows all that was read at once. Messages are numbered from
	// 1 by their order; an ack covers those that were refused before, too.

	// AckEvery acks every so many messages at once, whatever else was read. What
	// is left over is acked a quarter of a second later.
	AckEvery int
	// AckDelay passes between a message and its ack. Reading goes on.
	AckDelay time.Duration
	// MuteAcks never acks. Nacks, Pause and MalformedAcks are sent all the same.
	MuteAcks bool
	// AckFuture acks a million messages more than were read.
	AckFuture bool
	// ProgressOnly sends progress every 100 ms for so long from the first message
	// on, and acks only after.
	ProgressOnly time.Duration
	// Pause, such as "5s", is sent once, before the first ack or nack.
	Pause string
	// MalformedAcks are sent as text messages once, before the first ack or nack.
	MalformedAcks []string
	// ReplyField acks in another form, whatever the subprotocol: for "seq.last" it
	// is {"seq":{"last":17}}. There are no nacks then: a refused message is not confirmed.
	ReplyField string

	// NackAtMessage refuses that message with the three fields below. The nack goes
	// out at once, so before the ack of messages that were read together with it.
	NackAtMessage int
	NackReason    string
	NackRetry     bool
	NackRecords   []int
	// NackRecord refuses, with NackReason and NackRetry, messages with a record for
	// which it returns true. Records are the elements of a JSON array, JSON values
	// one after the other, or else lines. It is called by the connection's reader.
	NackRecord func(record []byte) bool
	// NackByIndex makes NackRecord refuse only those records, by their indexes,
	// and the whole message if it is all of them.
	NackByIndex bool

	// The end.

	// CloseOnRecord is asked for every message, subprotocol or not. What it returns
	// is the code of a Close frame with CloseReason, then FIN; 0 goes on. Messages
	// before that were not acked yet are not acked any more. It is called by the
	// connection's reader.
	CloseOnRecord func(message []byte) (code int)
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
