// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package ack

import (
	"encoding/binary"
	"errors"
)

func init() {
	Register("ping", Type{New: func(Config) Strategy { return &pingBarrier{} }})
}

// pingBarrier confirms by the Pong for a Ping that follows the last message of a
// batch. The peer must answer with a Pong that carries the same payload, and
// may answer only the newest of several Pings (RFC 6455 5.5.2-5.5.3). Frames
// arrive in order, so the Pong with number n confirms all that was written
// before Ping n.
//
// Some peers answer with an empty Pong. A probe right after the upgrade detects them:
// it sends another Ping after each Pong with an unknown payload, and gives up after
// as many of them as the constant probes. From then on the Pongs of this peer are
// counted in order. Fewer are not enough, because a peer may send unsolicited Pongs
// (RFC 6455 5.5.3) before it answers the first Ping, and counting those would
// confirm what it has not read. If a payload that was sent comes back later, Pongs
// are again matched by payload. One Pong more than was asked for ends the connection:
// such a peer sends Pongs that answer nothing, and nothing tells them from answers.
type pingBarrier struct {
	mode    pongMode
	foreign int // Pongs with an unknown payload while probing

	last        uint64    // number of the newest Ping
	outstanding []barrier // Pings without an answer, oldest first
	through     uint64    // every message up to this one was written
}

type barrier struct {
	ping    uint64 // its number, which is its payload
	through uint64 // confirmed by its answer
}

type pongMode uint8

const (
	probing   pongMode = iota // not known yet which of the two below
	byPayload                 // a Pong carries the payload of its Ping
	byCount                   // it does not; the n-th Pong answers the n-th Ping
)

// errUnaskedPong is why counting Pongs came to an end.
var errUnaskedPong = errors.New("the server sends Pongs that answer no Ping, and its answers do not repeat the payload of the Ping, so they confirm nothing; use ack: message or ack: none with this server")

// probes is the number of Pongs with an unknown payload after which Pongs are counted.
// A peer that does not echo payloads costs as many round trips at each connect.
const probes = 8

// payloadBytes is the length of a Ping's payload: its number, big endian.
const payloadBytes = 8

func (p *pingBarrier) Open() Verdict { return Verdict{Ping: p.ping()} }

func (p *pingBarrier) Ready() bool { return p.mode != probing }

// Awaits implements Waiter.
func (p *pingBarrier) Awaits() string { return "answer to the first Ping" }

func (p *pingBarrier) Sent(through uint64) Verdict {
	p.through = through
	return Verdict{Ping: p.ping()}
}

func (p *pingBarrier) Heartbeat() Verdict { return Verdict{Ping: p.ping()} }

func (p *pingBarrier) ping() []byte {
	p.last++
	p.outstanding = append(p.outstanding, barrier{ping: p.last, through: p.through})
	return binary.BigEndian.AppendUint64(nil, p.last)
}

func (p *pingBarrier) Pong(payload []byte) Verdict {
	switch p.mode {
	case byCount:
		if p.wasSent(payload) {
			p.mode = byPayload
			return Verdict{Confirmed: p.answered(p.find(payload))}
		}
		if len(p.outstanding) == 0 {
			return Verdict{Failed: errUnaskedPong}
		}
		return Verdict{Confirmed: p.answered(1)}

	case byPayload:
		return Verdict{Confirmed: p.answered(p.find(payload))}

	default: // probing
		if n := p.find(payload); n > 0 {
			p.mode = byPayload
			return Verdict{Confirmed: p.answered(n)}
		}
		if p.foreign++; p.foreign < probes {
			return Verdict{Ping: p.ping()}
		}
		// Nothing but the probes is outstanding, and all are answered.
		p.mode = byCount
		return Verdict{Confirmed: p.answered(len(p.outstanding))}
	}
}

// Message ignores data messages.
func (p *pingBarrier) Message([]byte) (Verdict, error) { return Verdict{}, nil }

// wasSent reports whether payload was in a Ping of this connection, answered or not.
func (p *pingBarrier) wasSent(payload []byte) bool {
	if len(payload) != payloadBytes {
		return false
	}
	number := binary.BigEndian.Uint64(payload)
	return number > 0 && number <= p.last
}

// find returns the number of outstanding Pings that a Pong with that payload answers.
func (p *pingBarrier) find(payload []byte) int {
	if !p.wasSent(payload) || len(p.outstanding) == 0 {
		return 0
	}
	number := binary.BigEndian.Uint64(payload)
	oldest := p.outstanding[0].ping // they are numbered without a gap
	if number < oldest {
		return 0
	}
	return int(number-oldest) + 1
}

// answered removes the oldest n Pings and returns what the last of them confirms.
func (p *pingBarrier) answered(n int) uint64 {
	if n == 0 {
		return 0
	}
	through := p.outstanding[n-1].through
	p.outstanding = p.outstanding[:copy(p.outstanding, p.outstanding[n:])]
	return through
}

func (p *pingBarrier) Note() string {
	if p.mode == byCount {
		return "the server answers Pings without their payload (RFC 6455 5.5.3 asks for it): its Pongs are counted in order instead"
	}
	return ""
}

var _ Waiter = (*pingBarrier)(nil)
