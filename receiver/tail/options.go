// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package tail

import "cmp"

const (
	// DefaultMaxViewers is Options.MaxViewers unless set.
	DefaultMaxViewers = 32
	// DefaultRowsPerSecond is Options.RowsPerSecond unless set.
	DefaultRowsPerSecond = 200
)

// Options configure a Tail. All may be left out.
type Options struct {
	// Valid reports whether a token lets its bearer look, in constant time. It may be
	// called from any goroutine. nil lets everyone look.
	Valid func(token string) bool

	// MaxViewers is how many streams there can be at once; 32 unless set.
	MaxViewers int

	// RowsPerSecond is how many records a viewer gets; 200 unless set, and 10 at
	// least.
	RowsPerSecond int
}

func (o *Options) complete() {
	o.MaxViewers = cmp.Or(max(o.MaxViewers, 0), DefaultMaxViewers)
	o.RowsPerSecond = max(cmp.Or(o.RowsPerSecond, DefaultRowsPerSecond), int(ticksPerSecond))
}
