// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
	"filebeat-websocket/testing/wstest"
)

func TestReceiverThatStopsReadingBoundsTheMemoryAndLosesNothing(t *testing.T) {
	const (
		lines       = 200_000
		stall       = 20 * time.Second
		boundedMiB  = 250
		stallAt     = 20_000
		measureEach = 500 * time.Millisecond
	)
	stalled := wstest.Start(t, wstest.WithScript(func(int) wstest.Fault {
		return wstest.Fault{StopReadingAtMessage: stallAt}
	}))
	setup := beattest.Setup{Dir: t.TempDir(), Output: output(stalled.URL(), "")}
	beattest.AppendLines(t, setup.LogFile("a.log"), 1, lines)
	filebeat := beattest.StartFilebeat(t, setup)
	waitFor(t, stalled, stallAt)

	// The inputs have to stop reading, since nothing takes their events.
	var peak int64
	published := filebeat.Stat("libbeat.pipeline.events.published")
	for end := time.Now().Add(stall); time.Now().Before(end); time.Sleep(measureEach) {
		rss, err := filebeat.RSS()
		require.NoError(t, err)
		peak = max(peak, rss)
	}
	require.Less(t, peak>>20, int64(boundedMiB), "MiB of resident memory while the receiver does not read")
	require.Less(t, filebeat.Stat("libbeat.pipeline.events.published")-published, 20_000, "inputs keep reading")

	// The same receiver is back at the same address.
	addr := stalled.Addr()
	stalled.Kill()
	server := wstest.Start(t, wstest.WithAddr(addr))
	beattest.Eventually(t, patience, "the rest arrives", func() bool {
		return server.Counts().MaxSeq >= lines && server.Counts().Unique >= lines-stallAt
	})
	require.Zero(t, filebeat.Stop())
	nothingMissing(t, lines, stalled, server)
}

// nothingMissing requires that each line is at one of the servers.
func nothingMissing(t *testing.T, lines int, servers ...*wstest.Server) {
	t.Helper()
	for seq := 1; seq <= lines; seq++ {
		missing := true
		for _, server := range servers {
			missing = missing && len(server.Missing(seq, seq)) > 0
		}
		if missing {
			require.Failf(t, "a line is lost", "number %d", seq)
		}
	}
}
