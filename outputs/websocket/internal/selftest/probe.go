// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package selftest

import (
	"time"

	"filebeat-websocket/outputs/websocket/ack"
)

// Probe is a strategy that is not ready before a Ping is answered, whichever
// strategy confirms messages.
type Probe struct {
	ack.Strategy
	own    bool // the Ping is this type's, not the strategy's
	sent   time.Time
	ponged bool
	took   time.Duration
}

// Open implements ack.Strategy.
func (p *Probe) Open() ack.Verdict {
	verdict := p.Strategy.Open()
	if verdict.Ping == nil {
		p.own, verdict.Ping = true, []byte("test")
	}
	p.sent = time.Now()
	return verdict
}

// Ready implements ack.Strategy.
func (p *Probe) Ready() bool { return p.ponged && p.Strategy.Ready() }

// Pong implements ack.Strategy.
func (p *Probe) Pong(payload []byte) ack.Verdict {
	if !p.ponged {
		p.ponged, p.took = true, time.Since(p.sent)
		if p.own {
			return ack.Verdict{}
		}
	}
	return p.Strategy.Pong(payload)
}

// Took returns how long the answer took, and whether there was one.
func (p *Probe) Took() (time.Duration, bool) { return p.took, p.ponged }

// Unwrap returns the strategy inside, for ack.As.
func (p *Probe) Unwrap() ack.Strategy { return p.Strategy }

var _ ack.Strategy = (*Probe)(nil)
