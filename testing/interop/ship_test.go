// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"crypto/tls"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
)

// How many lines each way ships.
const (
	peerLines = 50_000
	// quietLines come first, and then none for a while.
	quietLines = 20_000
	// flowLines are there when the peer is killed, and flow: it is killed when the
	// server's file has grown by killBytes. The others come while it is away.
	flowLines = 40_000
	killBytes = 1 << 20
	// longBytes is how much longer than the others the last line is: some libraries
	// accept so long a message only if configured to.
	longBytes = 512 << 10
)

// subprotocol is what the output offers, and what the servers pick.
const subprotocol = "logs.v1"

// The time-out for idle connections in the configurations of the reverse proxies
// is 5 s. One is cut no earlier and not much later.
const (
	idleAtLeast = 4500 * time.Millisecond
	idleAtMost  = 20 * time.Second
)

// ship sends the lines along the way, with a quiet phase if a peer cuts idle
// connections, and with a kill.
func (w way) ship(t *testing.T) outcome {
	setup := beattest.Setup{
		Dir: t.TempDir(),
		Output: `
output.websocket:
  ack: ping
  ping_interval: 2s
  timeout: 2m
  subprotocols: [` + subprotocol + `]
  compression_level: 1
  compression_threshold: 256
  backoff: {init: 200ms, max: 1s}
` + w.settings,
		// An input that waits at the end of its file would make the test longer.
		Input: "    backoff: {init: 50ms, max: 50ms}\n",
	}
	log := setup.LogFile("a.log")
	beattest.AppendLines(t, log, 1, quietLines)
	filebeat := beattest.StartFilebeat(t, setup)
	file := &stored{t: t, path: w.file, before: " seq=", seen: map[int]int{}, starts: true}
	arrived := func(unique int) {
		t.Helper()
		beattest.Eventually(t, patience, fmt.Sprintf("%d lines are in the file", unique), func() bool {
			require.True(t, filebeat.Running(), "filebeat has ended")
			file.look()
			return len(file.seen) >= unique
		})
	}
	opened := func() int { return filebeat.Stat("libbeat.output.websocket.connections.opened") }

	arrived(quietLines)
	if w.idle != nil {
		lived := w.idle()
		t.Logf("a connection that said nothing was cut after %.1f s", lived.Seconds())
		require.Greater(t, lived, idleAtLeast)
		require.Less(t, lived, idleAtMost)
	}
	require.Equal(t, 1, opened(), "connections before the kill")

	before := fileSize(t, w.file)
	beattest.AppendLines(t, log, quietLines+1, flowLines)
	beattest.Eventually(t, patience, "lines flow", func() bool { return fileSize(t, w.file) > before+killBytes })
	w.killed.kill()
	t.Logf("%d of %d lines were confirmed at the kill", filebeat.Stat("libbeat.output.events.acked"), flowLines)
	beattest.AppendLines(t, log, flowLines+1, peerLines-1)
	appendLine(t, log, beattest.Line(peerLines)+strings.Repeat("x", longBytes))
	w.killed.start()
	arrived(peerLines)
	filebeat.AwaitEvents(patience, peerLines, 0)
	require.Equal(t, 2, opened(), "connections, one before the kill and one after it")
	require.Zero(t, filebeat.Stat("libbeat.output.events.dropped"))
	o := outcome{
		kind: w.kind, name: w.name, version: w.version, lines: peerLines,
		compression: compression(filebeat),
		subprotocol: w.server.says(`(?m)^connection (.*)$`),
	}
	require.Zero(t, filebeat.Stop())
	o.count(file)
	require.Zero(t, o.missing)
	require.Equal(t, fileSize(t, log), setup.RegistryOffsets(t)["a.log"])
	return o
}

func fileSize(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	require.NoError(t, err)
	return info.Size()
}

func appendLine(t *testing.T, path, line string) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = file.WriteString(line + "\n")
	require.NoError(t, err)
	require.NoError(t, file.Close())
}

// idle opens a connection that stays silent, and returns how long it lasted.
func idle(t *testing.T, url string, ca *beattest.CA) time.Duration {
	t.Helper()
	dialer := websocket.Dialer{TLSClientConfig: &tls.Config{RootCAs: ca.Pool(), MinVersion: tls.VersionTLS12}, HandshakeTimeout: patience}
	conn, response, err := dialer.DialContext(t.Context(), url, nil)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	defer func() { _ = conn.Close() }()
	opened := time.Now()
	require.NoError(t, conn.SetReadDeadline(opened.Add(patience)))
	_, _, err = conn.ReadMessage()
	require.Error(t, err)
	return time.Since(opened)
}

// compression says what became of the bytes of the messages.
func compression(filebeat *beattest.Filebeat) string {
	before := filebeat.Stat("libbeat.output.websocket.messages.bytes")
	after := filebeat.Stat("libbeat.output.websocket.messages.wire_bytes")
	switch {
	case after < before:
		return fmt.Sprintf("yes, to %d %%", 100*after/before)
	case strings.Contains(filebeat.Output(), "the server's answer to the offer of permessage-deflate can't be used"):
		return "no, its answer can't be used"
	default:
		return "no"
	}
}
