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
	// Guard decides who may look. It is best shared with the server's other paths. nil
	// lets everyone look who names this machine.
	Guard *access.Guard

	// MaxViewers is how many streams there can be at once; 32 unless set.
	MaxViewers int

	// RowsPerSecond is how many records a viewer gets; 200 unless set, and 10 at
	// least.
	RowsPerSecond int
}

func (o *Options) complete() {
	o.MaxViewers = cmp.Or(max(o.MaxViewers, 0), DefaultMaxViewers)
	if o.Guard == nil {
		o.Guard, _ = access.NewGuard(access.GuardOptions{}) // only an origin can be wrong
	}
	o.RowsPerSecond = max(cmp.Or(o.RowsPerSecond, DefaultRowsPerSecond), int(ticksPerSecond))
}
