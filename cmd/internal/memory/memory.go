// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package memory sets Go's garbage collector up for a shipper or receiver of logs, once,
// before anything else runs. Environment variables take precedence.
package memory

import (
	"os"
	"runtime/debug"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

// gcPercent lets the heap grow to four times what is alive before the collector
// runs. What is alive in a shipper is little, and most of what it allocates dies
// young, so that it collects less often for some tens of MiB; docs/performance.md
// has what less and more would cost. GOGC, and gc_percent in the configuration,
// override it. Where much is alive, as with thousands of open files, it gets less
// (freedomBytes).
const gcPercent = 300

// memoryPart is how much of the memory limit of the control group (a container's,
// or a systemd unit's) Go may use before the collector works harder. The rest is
// for what Go does not count. GOMEMLIMIT overrides it.
const memoryPart = 0.8

// Tune sets the collector up: a larger heap unless GOGC is set, and a limit below
// that of the control group unless GOMEMLIMIT is set.
func Tune() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
		follow()
	}
	// Without a control group, or on another system, there is no limit to keep to.
	_, _ = memlimit.SetGoMemLimitWithOpts(memlimit.WithRatio(memoryPart), memlimit.WithProvider(memlimit.FromCgroup))
}

// unlimited is less than what the first version of control groups says if there is no
// limit, which depends on the size of a page, and more than any machine has.
const unlimited = 1 << 60

// Limit returns the memory limit of the control group in bytes, 0 if there is none.
func Limit() int64 {
	bytes, err := memlimit.FromCgroup()
	if err != nil || bytes > unlimited {
		return 0
	}
	return int64(bytes)
}
