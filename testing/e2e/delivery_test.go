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

func TestEveryLineArrivesOnceAndIsNotSentAgain(t *testing.T) {
	const lines = 200_000
	server := wstest.Start(t)
	setup := beattest.Setup{Dir: t.TempDir(), Output: output(server.URL(), "")}
	beattest.AppendLines(t, setup.LogFile("a.log"), 1, lines)

	filebeat := beattest.StartFilebeat(t, setup)
	arrived(t, server, lines)
	filebeat.AwaitEvents(patience, lines, 0)
	require.Zero(t, filebeat.Stat("libbeat.output.events.failed"))
	require.Zero(t, filebeat.Stat("libbeat.output.events.dropped"))
	require.Zero(t, filebeat.Stat("libbeat.output.events.active"))
	require.Equal(t, lines, filebeat.Stat("libbeat.output.events.total"))
	require.Greater(t, filebeat.Stat("libbeat.output.write.bytes"), lines*beattest.LineBytes)
	require.Zero(t, filebeat.Stop())
	require.Zero(t, server.Counts().Duplicate)
	require.Equal(t, fileSize(t, setup.LogFile("a.log")), setup.RegistryOffsets(t)["a.log"])

	filebeat = beattest.StartFilebeat(t, setup)
	beattest.AppendLines(t, setup.LogFile("a.log"), lines+1, lines+1)
	arrived(t, server, lines+1)
	require.Zero(t, filebeat.Stop())
	require.Zero(t, server.Counts().Duplicate, "nothing is sent twice after a restart")
	require.Equal(t, 1000, lastCloseCode(server), "filebeat sends a Close frame")
}

func lastCloseCode(server *wstest.Server) int {
	conns := server.Conns()
	return conns[len(conns)-1].CloseCode
}

func TestFilebeatKilledInTheMiddleSendsTheRestAfterTheRestart(t *testing.T) {
	const lines = 200_000
	server := wstest.Start(t)
	setup := beattest.Setup{Dir: t.TempDir(), Output: output(server.URL(), "")}
	beattest.AppendLines(t, setup.LogFile("a.log"), 1, lines)

	filebeat := beattest.StartFilebeat(t, setup)
	waitFor(t, server, lines/4)
	filebeat.Kill()
	require.Less(t, server.Counts().Unique, lines, "filebeat was killed too late for this test")

	filebeat = beattest.StartFilebeat(t, setup)
	arrived(t, server, lines)
	require.Zero(t, filebeat.Stop())
}

func waitFor(t *testing.T, server *wstest.Server, unique int) {
	t.Helper()
	beattest.Eventually(t, patience, "lines arrive", func() bool { return server.Counts().Unique >= unique })
}

// libbeat counts a batch that is handed back at this point as acknowledged, and the
// registry would move past its lines.
func TestStopBeforeTheConfirmationLosesNothing(t *testing.T) {
	for _, queue := range []string{"output.websocket.queue.mem.flush.timeout: 0s", "queue.mem.flush.timeout: 0s", "queue.disk.max_size: 100MB"} {
		t.Run(queue, func(t *testing.T) {
			const lines, stall = 20_000, 5_000
			stalled := wstest.Start(t, wstest.WithScript(func(int) wstest.Fault {
				return wstest.Fault{StopReadingAtMessage: stall}
			}))
			setup := beattest.Setup{
				Dir:    t.TempDir(),
				Output: output(stalled.URL(), "  close_timeout: 1s\n"),
				Extra:  queue,
			}
			beattest.AppendLines(t, setup.LogFile("a.log"), 1, lines)
			filebeat := beattest.StartFilebeat(t, setup)
			waitFor(t, stalled, stall)
			begun := time.Now()
			require.Zero(t, filebeat.Stop())
			require.Less(t, time.Since(begun), 10*time.Second)
			stalled.Kill()

			server := wstest.Start(t)
			setup.Output = output(server.URL(), "")
			filebeat = beattest.StartFilebeat(t, setup)
			beattest.Eventually(t, patience, "the rest arrives", func() bool { return server.Counts().MaxSeq >= lines })
			require.Zero(t, filebeat.Stop())
			nothingMissing(t, lines, stalled, server)
		})
	}
}
