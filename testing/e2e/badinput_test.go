// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
	"filebeat-websocket/testing/wstest"
)

func TestInvalidSettingsEndFilebeatWithTheirName(t *testing.T) {
	for setting, yaml := range map[string]string{
		"hosts":             `{}`,
		"workers":           `{hosts: [h], workers: 0}`,
		"batch_size":        `{hosts: [h], batch_size: 10, bulk_max_size: 20}`,
		"timeout":           `{hosts: [h], timeout: soon}`,
		"backoff.max":       `{hosts: [h], backoff: {init: 10s, max: 1s}}`,
		"max_message_bytes": `{hosts: [h], max_message_bytes: 12}`,
		"ack":               `{hosts: [h], ack: maybe}`,
		"format":            `{hosts: [h], format: xml}`,
		"no_such_key":       `{hosts: [h], no_such_key: 1}`,
		"ssl":               `{hosts: ["wss://h"], ssl.certificate_authorities: ["/no/such/file"]}`,
		"codec":             `{hosts: [h], codec.format.string: "%{[unclosed"}`,
	} {
		t.Run(setting, func(t *testing.T) {
			t.Parallel()
			setup := beattest.Setup{Dir: t.TempDir(), Output: "output.websocket: " + yaml}
			filebeat := beattest.StartFilebeat(t, setup)
			require.Equal(t, 1, filebeat.Wait(5*time.Second), "exit code")
			require.Contains(t, filebeat.Output(), "output.websocket."+setting)
		})
	}
}

// badServer is a server that does not do what it should.
type badServer struct {
	fault wstest.Fault
	cause string // text that the log has to contain
}

func TestServerThatSpeaksSomethingElseIsNamedInTheLogAndNothingIsLost(t *testing.T) {
	for name, bad := range map[string]badServer{
		"garbage after the upgrade": {
			fault: wstest.Fault{SendGarbage: []byte(strings.Repeat("\xff\x00garbage", 1000))},
			cause: "the server broke the protocol: ",
		},
		"an HTTP page instead": {
			fault: wstest.Fault{RefuseStatus: http.StatusOK, RefuseBody: "<html>hello</html>"},
			cause: `answered the upgrade with 200 OK: \"<html>hello</html>\"`,
		},
		"not HTTP": {
			fault: wstest.Fault{NotHTTP: []byte("SSH-2.0-OpenSSH_9.2\r\n")},
			cause: `malformed HTTP response`,
		},
		"a redirect": {
			fault: wstest.Fault{RefuseStatus: http.StatusFound, RefuseHeader: http.Header{"Location": {"http://elsewhere.example/"}}},
			cause: "elsewhere.example",
		},
		"a wrong Sec-WebSocket-Accept": {
			fault: wstest.Fault{WrongAccept: true},
			cause: "Sec-WebSocket-Accept is missing or wrong",
		},
		"half a frame": {
			fault: wstest.Fault{HalfFrameAtMessage: 10},
			cause: "ended:",
		},
		"a message longer than max_read_bytes": {
			fault: wstest.Fault{SendHuge: 3 << 20},
			cause: "longer than max_read_bytes",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const lines, badConnections = 2_000, 2
			faults := make([]wstest.Fault, badConnections)
			for i := range faults {
				faults[i] = bad.fault
			}
			server := wstest.Start(t, wstest.WithFaults(faults...))
			setup := beattest.Setup{
				Dir:    t.TempDir(),
				Output: output(server.URL(), ""),
				Extra:  "queue.mem.flush.timeout: 100ms",
			}
			beattest.AppendLines(t, setup.LogFile("a.log"), 1, lines)
			filebeat := beattest.StartFilebeat(t, setup)
			arrived(t, server, lines)
			require.Contains(t, filebeat.Output(), bad.cause)
			require.NotContains(t, filebeat.Output(), "panic")
			require.Zero(t, filebeat.Stop())
			require.LessOrEqual(t, strings.Count(filebeat.Output(), bad.cause), 2*badConnections,
				"lines about %q", bad.cause)
		})
	}
}
