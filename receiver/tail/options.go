// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package tail

import (
	"cmp"

	"filebeat-websocket/receiver/access"
)

const (
	// DefaultMaxViewers is Options.MaxViewers unless set.
	DefaultMaxViewers = 32
	// DefaultRowsPerSecond is Options.RowsPerSecond unless set.
	DefaultRowsPerSecond = 200
)

// Options configure a Tail. All may be left out.
type Options struct {
	// Guard decides who may look; share it with the server's other paths. nil admits
	// every request that names this machine.
	Guard *access.Guard

	// Ingest is the path at which agents connect, on the same address. A page that has
	// no records shows it in the lines of a configuration.
	Ingest string

	// MaxViewers is the maximum number of streams at a time; 32 unless set.
	MaxViewers int

	// RowsPerSecond is the maximum number of records a second that a viewer gets; 200
	// unless set, and at least 10.
	RowsPerSecond int
}

func (o *Options) complete() {
	o.MaxViewers = cmp.Or(max(o.MaxViewers, 0), DefaultMaxViewers)
	if o.Guard == nil {
		o.Guard, _ = access.NewGuard(access.GuardOptions{}) // only an origin can be wrong
	}
	o.RowsPerSecond = max(cmp.Or(o.RowsPerSecond, DefaultRowsPerSecond), int(ticksPerSecond))
}
