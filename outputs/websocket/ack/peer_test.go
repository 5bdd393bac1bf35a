// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package ack

import (
	"encoding/binary"
	"slices"

	"github.com/stretchr/testify/require"
)

// link is a strategy and a peer with a wire between them, all in memory. What
// the client writes is read by the peer in order, and what the peer answers is
// delivered in order, each only when the test says so.
type link struct {
	t        require.TestingT
	strategy Strategy
	onSent   bool // the strategy confirms what was written, read or not
	policy   policy

	toPeer   []frame
	toClient []pong

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

type pong struct {
	payload []byte
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

func (l *link) open() { l.follow(0, l.read, l.strategy.Open()) }

func (l *link) send(messages int) {
	for range messages {
		l.sent++
		l.toPeer = append(l.toPeer, frame{message: l.sent})
	}
	confirmed, ping := l.strategy.Sent(l.sent)
	readable := l.read
	if l.onSent {
		readable = l.sent
	}
	l.follow(confirmed, readable, ping)
}

func (l *link) heartbeat() { l.follow(0, l.read, l.strategy.Heartbeat()) }

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
	if len(pings) == 0 {
		return
	}
	for _, payload := range l.policy(pings) {
		l.unasked(payload)
	}
}

// unasked sends a Pong that may answer nothing.
func (l *link) unasked(payload []byte) {
	l.toClient = append(l.toClient, pong{slices.Clone(payload), l.read})
}

// deliver hands the oldest Pong to the strategy.
func (l *link) deliver() {
	p := l.toClient[0]
	l.toClient = l.toClient[1:]
	confirmed, ping := l.strategy.Pong(p.payload)
	clear(p.payload) // it must not have been kept
	l.follow(confirmed, p.read, ping)
}

// follow does what the strategy asks for, and holds it to what every strategy
// promises: confirmed is at most what the peer had read, and never falls.
func (l *link) follow(confirmed, read uint64, ping []byte) {
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
