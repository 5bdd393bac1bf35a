// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package ack

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/stretchr/testify/require"
	"github.com/tinylib/msgp/msgp"

	"filebeat-websocket/protocol"
	"filebeat-websocket/protocol/forward"
	"filebeat-websocket/testing/wstest"
)

// link is a strategy and a peer with a wire between them, all in memory. What
// the client writes is read by the peer in order, and what the peer answers is
// delivered in order, each only when the test says so.
type link struct {
	t        require.TestingT
	strategy Strategy
	onSent   bool // the strategy confirms what was written, read or not
	replies  bool // the peer speaks filebeat.ack.v1
	chunks   bool // the peer confirms requests of Fluent Forward
	shakes   bool // the peer begins with a handshake
	policy   policy

	toPeer   []frame
	toClient []answer

	sent      uint64 // number of the last message written
	pings     uint64 // Pings written
	read      uint64 // number of the last message that the peer has read
	confirmed uint64
	apart     map[uint64]bool // messages beyond confirmed that are confirmed too
	late      []answer        // what the peer answers only after it has read more
}

// frame is a Ping if payload is not nil, a reply without a number if that is not
// nil, else the message of that number.
type frame struct {
	message uint64
	payload []byte
	reply   []byte
}

// sharedKey is the key of every handshake, nonce the server's.
const (
	sharedKey = "s3cret"
	nonce     = "a nonce"
)

// requestOf returns the request that message number is, and its chunk id. Each
// two in a row are the same.
func requestOf(number uint64) (request []byte, chunk string) {
	entries := []byte(fmt.Sprintf("entries %d", number/2))
	chunk = forward.Chunk(entries)
	request = msgp.AppendArrayHeader(nil, 3)
	request = msgp.AppendString(request, "tag")
	request = msgp.AppendBytes(request, entries)
	return msgp.AppendMapStrStr(request, map[string]string{forward.OptionChunk: chunk}), chunk
}

// answer is a Pong, or a message if reply is set.
type answer struct {
	payload []byte
	reply   bool
	read    uint64 // what the peer had read when it sent this
}

// policy is what a peer answers to the Pings it has just read, oldest first.
type policy func(pings [][]byte) (pongs [][]byte)

func echo(pings [][]byte) [][]byte { return pings }

// newest answers one Ping of several (RFC 6455 5.5.3).
func newest(pings [][]byte) [][]byte { return pings[len(pings)-1:] }

func twice(pings [][]byte) (pongs [][]byte) {
	for _, ping := range pings {
		pongs = append(pongs, ping, ping)
	}
	return pongs
}

func constant(payload string) policy {
	return func(pings [][]byte) (pongs [][]byte) {
		for range pings {
			pongs = append(pongs, []byte(payload))
		}
		return pongs
	}
}

func mute([][]byte) [][]byte { return nil }

func (l *link) open() {
	l.follow(l.strategy.Open(), l.read)
	if l.shakes && !l.isMute() {
		l.toClient = append(l.toClient, answer{forward.AppendHelo(nil, forward.Helo{Nonce: []byte(nonce)}), true, l.read})
	}
}

func (l *link) isMute() bool { return len(l.policy([][]byte{{}})) == 0 }

func (l *link) send(messages int) {
	reader, reads := As[Reader](l.strategy)
	require.Equal(l.t, l.chunks, reads)
	for range messages {
		l.sent++
		if reads {
			request, _ := requestOf(l.sent)
			reader.Written(l.sent, request)
			clear(request) // it must not have been kept
		}
		l.toPeer = append(l.toPeer, frame{message: l.sent})
	}
	verdict := l.strategy.Sent(l.sent)
	readable := l.read
	if l.onSent {
		readable = l.sent
	}
	l.follow(verdict, readable)
}

func (l *link) heartbeat() { l.follow(l.strategy.Heartbeat(), l.read) }

// peerReads lets the peer read so many frames, then answer them.
func (l *link) peerReads(frames int) {
	var pings [][]byte
	var chunks []string
	for _, f := range l.toPeer[:frames] {
		switch {
		case f.reply != nil:
			l.letIn(f.reply)
		case f.payload == nil:
			l.read = f.message
			_, chunk := requestOf(f.message)
			chunks = append(chunks, chunk)
		default:
			pings = append(pings, f.payload)
		}
	}
	l.toPeer = l.toPeer[frames:]
	if l.chunks && !l.isMute() {
		l.confirmChunks(chunks)
	}
	if l.replies && !l.isMute() && frames > 0 {
		l.toClient = append(l.toClient, answer{protocol.AppendAck(nil, l.read), true, l.read})
	}
	if len(pings) == 0 {
		return
	}
	for _, payload := range l.policy(pings) {
		l.unasked(payload)
	}
}

// letIn answers the PING of a handshake.
func (l *link) letIn(message []byte) {
	require.NoError(l.t, wstest.StrictPing(message))
	ping, err := forward.ParsePing(message)
	require.NoError(l.t, err)
	require.Equal(l.t, forward.KeyDigest(ping.Salt, ping.Hostname, []byte(nonce), sharedKey), ping.KeyDigest)
	pong := forward.Pong{OK: true, Hostname: "server", KeyDigest: forward.KeyDigest(ping.Salt, "server", []byte(nonce), sharedKey)}
	l.toClient = append(l.toClient, answer{forward.AppendPong(nil, pong), true, l.read})
}

// confirmChunks confirms what was read, the newest first, and every third of it
// only after what is read the next time.
func (l *link) confirmChunks(chunks []string) {
	before := l.late
	l.late = nil
	for i, chunk := range slices.Backward(chunks) {
		confirmation := answer{forward.AppendAck(nil, chunk), true, l.read}
		if i%3 == 2 {
			l.late = append(l.late, confirmation)
			continue
		}
		l.toClient = append(l.toClient, confirmation)
	}
	for _, confirmation := range before {
		confirmation.read = l.read
		l.toClient = append(l.toClient, confirmation)
	}
}

// unasked sends a Pong that may answer nothing.
func (l *link) unasked(payload []byte) {
	l.toClient = append(l.toClient, answer{slices.Clone(payload), false, l.read})
}

// deliver hands the oldest answer to the strategy.
func (l *link) deliver() {
	a := l.toClient[0]
	l.toClient = l.toClient[1:]
	var verdict Verdict
	if a.reply {
		var err error
		verdict, err = l.strategy.Message(a.payload)
		require.NoError(l.t, err)
	} else {
		verdict = l.strategy.Pong(a.payload)
	}
	clear(a.payload) // it must not have been kept
	l.follow(verdict, a.read)
}

// follow does what the strategy asks for, and holds it to what every strategy
// promises: confirmed is at most what the peer had read, and never falls.
func (l *link) follow(v Verdict, read uint64) {
	confirmed, ping := v.Confirmed, v.Ping
	if confirmed > 0 && !l.onSent {
		require.LessOrEqual(l.t, confirmed, read, "the peer had not read that far when it answered")
	}
	require.LessOrEqual(l.t, confirmed, l.sent, "confirmed before it was written")
	if confirmed > 0 {
		require.GreaterOrEqual(l.t, confirmed, l.confirmed, "a number fell")
		l.confirmed = confirmed
	}
	if v.Settled > 0 {
		require.LessOrEqual(l.t, v.Settled, read, "the peer had not read it when it answered")
		require.False(l.t, v.Settled <= l.confirmed || l.apart[v.Settled], "confirmed twice")
		if l.apart == nil {
			l.apart = map[uint64]bool{}
		}
		l.apart[v.Settled] = true
		for l.apart[l.confirmed+1] {
			l.confirmed++
			delete(l.apart, l.confirmed)
		}
	}
	require.NoError(l.t, v.Failed)
	if v.Reply != nil {
		require.False(l.t, l.strategy.Ready(), "a reply once messages may be sent")
		l.toPeer = append(l.toPeer, frame{reply: slices.Clone(v.Reply)})
	}
	if ping != nil {
		require.LessOrEqual(l.t, len(ping), 125, "the payload of a control frame (RFC 6455 5.5)")
		l.pings++
		l.toPeer = append(l.toPeer, frame{payload: slices.Clone(ping)})
	}
}

// settle lets everything be read, answered and delivered.
func (l *link) settle() {
	for len(l.toPeer)+len(l.toClient)+len(l.late) > 0 {
		l.peerReads(len(l.toPeer))
		for len(l.toClient) > 0 {
			l.deliver()
		}
	}
}

func numbered(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }
