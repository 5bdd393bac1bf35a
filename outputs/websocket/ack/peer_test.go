// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package ack

import (
	"encoding/binary"
	"slices"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/protocol"
)

// link is a strategy and a peer with a wire between them, all in memory. What
// the client writes is read by the peer in order, and what the peer answers is
// delivered in order, each only when the test says so.
type link struct {
	t        require.TestingT
	strategy Strategy
	onSent   bool // the strategy confirms what was written, read or not
	replies  bool // the peer speaks filebeat.ack.v1
	policy   policy

	toPeer   []frame
	toClient []answer

	sent      uint64 // number of the last message written
	pings     uint64 // Pings written
	read      uint64 // number of the last message that the peer has read
	confirmed uint64
}

// frame is a Ping if payload is not nil, else the message of that number.
type frame struct {
	message uint64
	payload []byte
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

func (l *link) open() { l.follow(l.strategy.Open(), l.read) }

func (l *link) send(messages int) {
	for range messages {
		l.sent++
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
	for _, f := range l.toPeer[:frames] {
		if f.payload == nil {
			l.read = f.message
			continue
		}
		pings = append(pings, f.payload)
	}
	l.toPeer = l.toPeer[frames:]
	isMute := len(l.policy([][]byte{{}})) == 0
	if l.replies && !isMute && frames > 0 {
		l.toClient = append(l.toClient, answer{protocol.AppendAck(nil, l.read), true, l.read})
	}
	if len(pings) == 0 {
		return
	}
	for _, payload := range l.policy(pings) {
		l.unasked(payload)
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
	if ping != nil {
		require.LessOrEqual(l.t, len(ping), 125, "the payload of a control frame (RFC 6455 5.5)")
		l.pings++
		l.toPeer = append(l.toPeer, frame{payload: slices.Clone(ping)})
	}
}

// settle lets everything be read, answered and delivered.
func (l *link) settle() {
	for len(l.toPeer)+len(l.toClient) > 0 {
		l.peerReads(len(l.toPeer))
		for len(l.toClient) > 0 {
			l.deliver()
		}
	}
}

func number(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }
