// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
	"filebeat-websocket/testing/wstest"
)

func TestStopDuringADialOrAWaitIsPromptAndLosesNothing(t *testing.T) {
	for name, bad := range map[string]struct {
		fault wstest.Fault
		more  string
	}{
		"a dial":               {wstest.Fault{HangUpgrade: true}, "  connect_timeout: 1m\n"},
		"a wait between dials": {wstest.Fault{RefuseStatus: http.StatusForbidden}, ""},
		"the first Ping":       {wstest.Fault{MutePongs: true}, "  timeout: 1m\n"},
	} {
		t.Run(name, func(t *testing.T) {
			const lines = 1_000
			server := wstest.Start(t, wstest.WithScript(func(int) wstest.Fault { return bad.fault }))
			setup := beattest.Setup{Dir: t.TempDir(), Output: `
output.websocket:
  hosts: ["` + server.URL() + `"]
  close_timeout: 1s
  backoff: {init: 1m, max: 1m}
` + bad.more}
			beattest.AppendLines(t, setup.LogFile("a.log"), 1, lines)
			filebeat := beattest.StartFilebeat(t, setup)
			beattest.Eventually(t, patience, "filebeat connects", func() bool { return server.Counts().Connections > 0 })
			begun := time.Now()
			require.Zero(t, filebeat.Stop())
			require.Less(t, time.Since(begun), 10*time.Second)
			addr := server.Addr()
			server.Kill()

			server = wstest.Start(t, wstest.WithAddr(addr))
			filebeat = beattest.StartFilebeat(t, setup)
			arrived(t, server, lines)
			require.Zero(t, filebeat.Stop())
		})
	}
}
