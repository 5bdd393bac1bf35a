// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
	"filebeat-websocket/testing/wstest"
)

// Which goroutine waits for a batch shows which queue is in use.
func TestTheMemoryQueueIsTheOutputsOwnWhereverItIsConfigured(t *testing.T) {
	const lines = 1600 // one batch, so that the default queue does not wait for more
	const own, libbeatsDisk = "eventqueue.(*Queue).Get", "diskqueue.(*diskQueue).Get"
	for name, c := range map[string]struct {
		settings string
		args     []string
		want     string
	}{
		"no queue":                         {"", nil, own},
		"at the top level":                 {"queue.mem.flush.timeout: 100ms", nil, own},
		"inside the output":                {"output.websocket.queue.mem.flush.timeout: 100ms", nil, own},
		"on the disk":                      {"queue.disk.max_size: 100MB", nil, libbeatsDisk},
		"on the disk, by the command line": {"", []string{"-E", "queue.disk.max_size=100MB"}, libbeatsDisk},
	} {
		t.Run(name, func(t *testing.T) {
			server := wstest.Start(t)
			setup := beattest.Setup{Dir: t.TempDir(), Output: output(server.URL(), ""), Extra: "http.pprof.enabled: true\n" + c.settings}
			beattest.AppendLines(t, setup.LogFile("a.log"), 1, lines)
			filebeat := beattest.StartFilebeat(t, setup, c.args...)
			arrived(t, server, lines)
			goroutines := page(t, setup, "debug/pprof/goroutine?debug=2")
			for _, queue := range []string{own, libbeatsDisk, "memqueue.(*broker).Get"} {
				require.Equal(t, queue == c.want, strings.Contains(goroutines, queue), queue)
			}
			require.Zero(t, filebeat.Stop())
		})
	}
}
