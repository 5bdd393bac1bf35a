// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTheEnvironmentOverridesTheCollectorsSettings(t *testing.T) {
	percent, limit := debug.SetGCPercent(100), debug.SetMemoryLimit(-1)
	t.Cleanup(func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	})

	t.Setenv("GOGC", "50")
	t.Setenv("GOMEMLIMIT", "1GiB")
	Tune()
	require.Equal(t, 100, debug.SetGCPercent(100), "GOGC is the runtime's business")
	require.Equal(t, limit, debug.SetMemoryLimit(-1), "GOMEMLIMIT too")

	t.Setenv("GOGC", "")
	Tune()
	require.Equal(t, gcPercent, debug.SetGCPercent(100))
}

func TestTheHeapsFreedomEndsWhereMemoryGrows(t *testing.T) {
	for _, row := range []struct{ liveMiB, percent int }{
		{0, 300}, {16, 300}, {21, 300}, {22, 290}, {32, 200}, {64, 100}, {128, 50}, {160, 40}, {4096, 40},
	} {
		require.Equal(t, row.percent, percentFor(uint64(row.liveMiB)<<20), "%d MiB", row.liveMiB)
	}
}

func TestThePercentageFollowsWhatIsAlive(t *testing.T) {
	before := debug.SetGCPercent(gcPercent)
	t.Cleanup(func() { debug.SetGCPercent(before) })
	percentNow := func() int {
		percent := debug.SetGCPercent(gcPercent)
		debug.SetGCPercent(percent)
		return percent
	}
	follow()
	alive := make([]byte, 128<<20)
	require.Eventually(t, func() bool {
		runtime.GC()
		return percentNow() <= 50
	}, 10*time.Second, time.Millisecond)
	runtime.KeepAlive(alive)
	require.Eventually(t, func() bool {
		runtime.GC()
		return percentNow() == gcPercent
	}, 10*time.Second, time.Millisecond)

	// As gc_percent in Filebeat's configuration does.
	debug.SetGCPercent(123)
	alive = make([]byte, 128<<20)
	for range 3 {
		runtime.GC()
	}
	require.Eventually(t, func() bool {
		runtime.GC()
		return percentNow() == 123
	}, 10*time.Second, time.Millisecond)
	runtime.KeepAlive(alive)
}
