// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package ack

import "encoding/binary"

func init() {
	Register("ping", Type{New: func(Config) Strategy { return &pingBarrier{} }})
}

// pingBarrier confirms by the answer to a Ping that follows the last message of
// a batch. The peer must answer with a Pong that carries the same payload, and
// may answer only the newest of several Pings (RFC 6455 5.5.2-5.5.3). Frames
// arrive in order, so the Pong with number n confirms all that was written
// before Ping n.
//
// Some peers answer with an empty Pong. A probe right after the upgrade finds
// them out: as many Pongs in a row as probes says, each followed by another
// Ping, and none with a payload that was sent. With such a peer the Pongs are
// counted in order. A few foreign Pongs are not enough for the verdict, because
// a peer may send Pongs unasked (RFC 6455 5.5.3) before it answers the first
// Ping, and counting those would confirm what it has not read. If a payload that
// was sent comes back after the verdict all the same, the verdict is reversed.
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
	probing   pongMode = iota // not known yet which of the two
	byPayload                 // a Pong carries the payload of its Ping
	byCount                   // it does not: the n-th Pong answers the n-th Ping
)

// probes is how many foreign Pongs it takes to count Pongs from then on. It costs
// a peer that does not echo as many round trips at each connect.
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
			return Verdict{} // unasked
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

// Message ignores what a server sends unasked.
func (p *pingBarrier) Message([]byte) (Verdict, error) { return Verdict{}, nil }

// wasSent reports whether payload is that of a Ping of this connection, answered
// or not.
func (p *pingBarrier) wasSent(payload []byte) bool {
	if len(payload) != payloadBytes {
		return false
	}
	number := binary.BigEndian.Uint64(payload)
	return number > 0 && number <= p.last
}

// find returns how many outstanding Pings the Pong with that payload answers, 0
// if it belongs to none of them.
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
