// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
	"filebeat-websocket/testing/wstest"
)

// aboutConnecting finds the lines of the log, of libbeat and of the output, that come
// with an attempt to connect.
var aboutConnecting = regexp.MustCompile(`(?i)"message":"[^"]*(connect|failed to publish)`)

func TestAServerThatAcceptsAndClosesIsAFewLinesInTheLog(t *testing.T) {
	const lines, connections = 1_000, 30
	server := wstest.Start(t, wstest.WithScript(func(conn int) wstest.Fault {
		if conn > connections {
			return wstest.Fault{}
		}
		return wstest.Fault{CloseAtMessage: 1, CloseCode: 1001}
	}))
	setup := beattest.Setup{Dir: t.TempDir(), Output: `
output.websocket:
  hosts: ["` + server.URL() + `"]
  backoff: {init: 20ms, max: 50ms}
`}
	beattest.AppendLines(t, setup.LogFile("a.log"), 1, lines)
	filebeat := beattest.StartFilebeat(t, setup)
	arrived(t, server, lines)
	require.Zero(t, filebeat.Stop())
	require.GreaterOrEqual(t, server.Counts().Upgraded, connections)
	found := 0
	for line := range strings.Lines(filebeat.Output()) {
		if aboutConnecting.MatchString(line) {
			found++
		}
	}
	require.Positive(t, found)
	require.Less(t, found, 20, "%s", filebeat.Output())
	require.NotContains(t, filebeat.Output(), "backoff(")
}

func TestAStopDuringAnOutageIsNotAnError(t *testing.T) {
	server := wstest.Start(t)
	setup := beattest.Setup{Dir: t.TempDir(), Output: `
output.websocket:
  hosts: ["` + server.URL() + `"]
  close_timeout: 1s
  backoff: {init: 50ms, max: 100ms}
`}
	server.Kill()
	beattest.AppendLines(t, setup.LogFile("a.log"), 1, 100)
	filebeat := beattest.StartFilebeat(t, setup)
	beattest.Eventually(t, patience, "an attempt fails", func() bool {
		return strings.Contains(filebeat.Output(), "connection refused; nothing listens there")
	})
	failures := func() int { return strings.Count(filebeat.Output(), `"log.level":"error"`) }
	before := failures()
	begun := time.Now()
	require.Zero(t, filebeat.Stop())
	require.Less(t, time.Since(begun), 10*time.Second)
	require.Equal(t, before, failures(), "%s", filebeat.Output())
	require.NotContains(t, filebeat.Output(), "the connection was closed by this side")
}
