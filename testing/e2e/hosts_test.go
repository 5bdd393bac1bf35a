// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
	"filebeat-websocket/testing/wstest"
)

func twoHosts(a, b *wstest.Server, more string) string {
	return fmt.Sprintf(`
output.websocket:
  hosts: ["%s", "%s"]
  backoff.init: 200ms
  backoff.max: 1s
%s`, a.URL(), b.URL(), more)
}

func TestTwoHostsShareTheLoad(t *testing.T) {
	const lines = 100_000
	a, b := wstest.Start(t), wstest.Start(t)
	setup := beattest.Setup{Dir: t.TempDir(), Output: twoHosts(a, b, "  loadbalance: true\n  workers: 2\n")}
	beattest.AppendLines(t, setup.LogFile("a.log"), 1, lines)
	filebeat := beattest.StartFilebeat(t, setup)
	beattest.Eventually(t, patience, "all lines arrive", func() bool {
		return a.Counts().Unique+b.Counts().Unique >= lines
	})
	require.Zero(t, filebeat.Stop())
	nothingMissing(t, lines, a, b)
	for _, server := range []*wstest.Server{a, b} {
		require.Greater(t, server.Counts().Unique, lines/10, "each host gets a share")
		require.Equal(t, 2, server.Counts().Upgraded, "connections to each host, one a worker")
	}
}

func TestOneHostGetsAllUntilItDies(t *testing.T) {
	const lines, more = 100_000, 50_000
	a, b := wstest.Start(t), wstest.Start(t)
	setup := beattest.Setup{Dir: t.TempDir(), Output: twoHosts(a, b, "  loadbalance: false\n")}
	beattest.AppendLines(t, setup.LogFile("a.log"), 1, lines)
	filebeat := beattest.StartFilebeat(t, setup)
	beattest.Eventually(t, patience, "all lines arrive", func() bool {
		return a.Counts().Unique+b.Counts().Unique >= lines
	})
	active, standby := a, b
	if a.Counts().Unique == 0 {
		active, standby = b, a
	}
	require.Zero(t, standby.Counts().Unique, "the other host gets nothing")
	require.Empty(t, active.Missing(1, lines))

	active.Kill()
	beattest.AppendLines(t, setup.LogFile("a.log"), lines+1, lines+more)
	beattest.Eventually(t, patience, "the other host takes over", func() bool {
		return standby.Counts().MaxSeq >= lines+more
	})
	require.Zero(t, filebeat.Stop())
	nothingMissing(t, lines+more, active, standby)
}
