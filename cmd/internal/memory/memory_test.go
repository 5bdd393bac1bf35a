// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"runtime/debug"
	"testing"

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
