// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

const (
	// freedomBytes is how much a heap may grow beyond what is alive before the
	// collector runs, if gcPercent allows that much. A shipper that reads one file
	// stays below it. With thousands of open files gcPercent of what is alive would be
	// many times this.
	freedomBytes = 64 << 20
	// minGCPercent is the least that a heap may grow, however much is alive.
	minGCPercent = 40
	// percentStep is the change of the percentage that is worth stopping all goroutines
	// for a moment, which setting it does.
	percentStep = 10
)

// percentFor returns by how many per cent a heap may grow with that much alive.
func percentFor(liveBytes uint64) int {
	if liveBytes <= freedomBytes*100/gcPercent {
		return gcPercent
	}
	return max(minGCPercent, int(freedomBytes*100/liveBytes))
}

// follower keeps the collector's percentage at percentFor, until somebody else sets
// another one.
type follower struct {
	percent int // set last
	live    []metrics.Sample
}

// follow sets the percentage after each cycle of the collector. A finalizer tells when
// one is over.
func follow() {
	f := &follower{percent: gcPercent, live: []metrics.Sample{{Name: "/gc/heap/live:bytes"}}}
	f.awaitCycle()
}

// cycle is unreachable from the start, so that its finalizer runs after the next cycle of
// the collector. It has a pointer, and so an allocation of its own.
type cycle struct{ follower *follower }

func (f *follower) awaitCycle() {
	runtime.SetFinalizer(&cycle{f}, func(c *cycle) {
		if c.follower.adjust() {
			c.follower.awaitCycle()
		}
	})
}

// adjust reports whether to go on.
func (f *follower) adjust() bool {
	metrics.Read(f.live)
	percent := percentFor(f.live[0].Value.Uint64())
	if step := percent - f.percent; -percentStep < step && step < percentStep {
		return true
	}
	if before := debug.SetGCPercent(percent); before != f.percent {
		debug.SetGCPercent(before) // gc_percent in the configuration
		return false
	}
	f.percent = percent
	return true
}
