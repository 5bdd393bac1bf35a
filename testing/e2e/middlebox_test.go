// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
	"filebeat-websocket/testing/wstest"
)

// The limits are those of a large cloud provider's gateway.
func TestMessagesAndFramesStayWithinTheLimitsOfAGateway(t *testing.T) {
	const (
		lines        = 50_000
		frameBytes   = 32 << 10
		messageBytes = 128 << 10
	)
	limits := beattest.MiddleboxSettings{MaxFrameBytes: frameBytes, MaxMessageBytes: messageBytes}
	t.Run("with settings for it", func(t *testing.T) {
		t.Parallel()
		for _, ack := range []string{"ping", "message"} {
			server := wstest.Start(t, wstest.WithSubprotocols("filebeat.ack.v1"))
			gateway := beattest.StartMiddlebox(t, server.Addr(), limits)
			setup := beattest.Setup{
				Dir:    t.TempDir(),
				Output: output(gateway.URL(), "  format: json_lines\n  max_message_bytes: 128KiB\n  max_frame_bytes: 32KiB\n  ack: "+ack+"\n"),
			}
			beattest.AppendLines(t, setup.LogFile("a.log"), 1, lines)
			filebeat := beattest.StartFilebeat(t, setup)
			arrived(t, server, lines)
			require.Zero(t, filebeat.Stop())
			counts := gateway.Counts()
			require.Zero(t, counts.Cuts)
			require.Equal(t, 1, counts.Connections)
			require.Greater(t, counts.LongestMessage, messageBytes*9/10, "messages use the limit")
			require.LessOrEqual(t, counts.LongestMessage, messageBytes)
			require.Equal(t, frameBytes, counts.LongestFrame)
		}
	})
	t.Run("without", func(t *testing.T) {
		t.Parallel()
		server := wstest.Start(t)
		gateway := beattest.StartMiddlebox(t, server.Addr(), limits)
		setup := beattest.Setup{Dir: t.TempDir(), Output: output(gateway.URL(), "  format: json_lines\n")}
		beattest.AppendLines(t, setup.LogFile("a.log"), 1, lines)
		filebeat := beattest.StartFilebeat(t, setup)
		beattest.Eventually(t, patience, "the gateway cuts", func() bool { return gateway.Counts().Cuts > 1 })
		require.Zero(t, filebeat.Stop())
	})
}

func TestATTLBelowTheAgeLimitOfAGatewayIsNeverCut(t *testing.T) {
	const (
		lines = 24_000
		step  = 200
		pace  = 100 * time.Millisecond // for 12 seconds
		age   = 4 * time.Second
	)
	for name, more := range map[string]string{
		"ping":                  "  ttl: 1s\n",
		"message and pipelined": "  ttl: 1s\n  ack: message\n  pipelining: 4\n  workers: 2\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := wstest.Start(t, wstest.WithSubprotocols("filebeat.ack.v1"))
			gateway := beattest.StartMiddlebox(t, server.Addr(), beattest.MiddleboxSettings{MaxAge: age})
			setup := beattest.Setup{Dir: t.TempDir(), Output: output(gateway.URL(), more), Extra: "queue.mem.flush.timeout: 100ms"}
			beattest.AppendLines(t, setup.LogFile("a.log"), 1, step)
			filebeat := beattest.StartFilebeat(t, setup)
			written := make(chan error, 1)
			go func() {
				file, err := os.OpenFile(setup.LogFile("a.log"), os.O_APPEND|os.O_WRONLY, 0)
				for first := step + 1; err == nil && first < lines; first += step {
					err = beattest.WriteLines(file, first, first+step-1)
					time.Sleep(pace)
				}
				written <- errors.Join(err, file.Close())
			}()
			require.NoError(t, <-written)
			arrived(t, server, lines)
			require.Zero(t, filebeat.Stop())
			require.NotContains(t, filebeat.Output(), "ended: ")
			require.Zero(t, gateway.Counts().Cuts)
			require.Greater(t, gateway.Counts().Connections, 4, "connections are replaced")
			require.Zero(t, server.Counts().Duplicate, "and drained before")
			for _, conn := range server.Conns() {
				require.Equal(t, 1000, conn.CloseCode, "connection %d", conn.Conn)
			}
		})
	}
}
