// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
)

func TestFilebeatShipsThroughTheDocumentedReceivers(t *testing.T) {
	const lines = 50_000
	for _, format := range []string{"json", "json_lines"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, r *receiver) {
				setup := beattest.Setup{Dir: t.TempDir(), Output: fmt.Sprintf(`
output.websocket:
  hosts: ["%s"]
  ack: message
  format: %s
  backoff.init: 200ms
  backoff.max: 1s
`, r.url(), format)}
				log := setup.LogFile("a.log")
				beattest.AppendLines(t, log, 1, lines)
				file := newStored(t, r, " seq=")
				arrived := func(unique int) {
					t.Helper()
					beattest.Eventually(t, patience, fmt.Sprintf("%d lines are in the file", unique), func() bool {
						file.look()
						return len(file.seen) >= unique
					})
				}

				filebeat := beattest.StartFilebeat(t, setup)
				arrived(lines / 5)
				r.kill()
				require.Less(t, filebeat.Stat("libbeat.output.events.acked"), lines, "the receiver was killed too late for this test")
				r.start()
				arrived(lines)
				filebeat.AwaitEvents(patience, lines, 0)
				require.Zero(t, filebeat.Stop())

				file.requireAll(1, lines)
				require.LessOrEqual(t, file.torn, 1, "the kill tears at most one line")
				info, err := os.Stat(log)
				require.NoError(t, err)
				require.Equal(t, info.Size(), setup.RegistryOffsets(t)["a.log"])
				r.terminate()
				require.Zero(t, r.exitCode())
			})
		})
	}
}

func TestFilebeatDropsTheLineThatAReceiverRefusesForGood(t *testing.T) {
	const lines, bad = 1000, 501 // the line after number 500 is not JSON
	for _, framing := range []string{"message", "lines"} {
		t.Run("framing: "+framing, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, r *receiver) {
				setup := beattest.Setup{Dir: t.TempDir(), Output: fmt.Sprintf(`
output.websocket:
  hosts: ["%s"]
  ack: message
  format: raw
  framing: %s
`, r.url(), framing)}
				var log strings.Builder
				for seq := 1; seq <= lines; seq++ {
					if seq == bad {
						log.WriteString("not JSON\n")
					}
					log.WriteString(record(seq) + "\n")
				}
				path := setup.LogFile("a.log")
				require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
				require.NoError(t, os.WriteFile(path, []byte(log.String()), 0o600))

				filebeat := beattest.StartFilebeat(t, setup)
				filebeat.AwaitEvents(patience, lines, 1)
				require.Zero(t, filebeat.Stop())
				require.Contains(t, filebeat.Output(), "not JSON", "the log has the reason")
				file := newStored(t, r, `"seq":`)
				file.look()
				file.requireAll(1, lines)
				require.Zero(t, file.torn)
			})
		})
	}
}

func TestFilebeatSendsTheUpgradeOfTheDocument(t *testing.T) {
	documented := strings.Split(fencedBlocks(t, "http")[0], "\n")
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	setup := beattest.Setup{Dir: t.TempDir(), Output: fmt.Sprintf(`
output.websocket:
  hosts: ["ws://%s/ingest"]
  ack: message
`, listener.Addr())}
	beattest.AppendLines(t, setup.LogFile("a.log"), 1, 10)
	filebeat := beattest.StartFilebeat(t, setup)
	conn, err := listener.Accept()
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	var sent []string
	for lines := bufio.NewReader(conn); len(sent) == 0 || sent[len(sent)-1] != ""; {
		line, err := lines.ReadString('\n')
		require.NoError(t, err)
		sent = append(sent, strings.TrimSuffix(line, "\r\n"))
	}
	// These differ from one Filebeat, server and connection to another.
	differs := func(line string) bool {
		name, _, _ := strings.Cut(line, ":")
		return slices.Contains([]string{"Host", "User-Agent", "Sec-WebSocket-Key"}, name)
	}
	for i, line := range sent {
		if differs(line) {
			name, _, _ := strings.Cut(line, ":")
			require.True(t, strings.HasPrefix(documented[i], name+": "), line)
			continue
		}
		require.Equal(t, documented[i], line)
	}
	filebeat.Kill()
}
