// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
	"filebeat-websocket/testing/wstest"
)

func TestLinesBeyondMaxLenAreDroppedWholeAndCounted(t *testing.T) {
	const lines, each = 10_000, 100
	server := wstest.Start(t)
	setup := beattest.Setup{Dir: t.TempDir(), Output: output(server.URL(), "  max_len: 1KiB\n")}
	var text strings.Builder
	secret := strings.Repeat("too-long-a-line ", 100)
	dropped := 0
	for seq := 1; seq <= lines; seq++ {
		text.WriteString(beattest.Line(seq))
		if seq%each == 0 {
			text.WriteString(secret)
			dropped++
		}
		text.WriteByte('\n')
	}
	require.NoError(t, os.MkdirAll(setup.Dir+"/logs", 0o755))
	require.NoError(t, os.WriteFile(setup.LogFile("a.log"), []byte(text.String()), 0o600))

	filebeat := beattest.StartFilebeat(t, setup)
	filebeat.AwaitEvents(patience, lines-dropped, dropped)
	require.Equal(t, dropped, filebeat.Stat("libbeat.output.websocket.dropped.max_len"))
	require.Zero(t, filebeat.Stat("libbeat.output.events.failed"))
	require.Zero(t, filebeat.Stop())

	require.Equal(t, lines-dropped, server.Counts().Unique)
	for seq := 1; seq <= lines; seq++ {
		require.Equalf(t, seq%each == 0, len(server.Missing(seq, seq)) == 1, "line %d", seq)
	}
	require.Contains(t, filebeat.Output(), "reason max_len")
	require.NotContains(t, filebeat.Output(), "too-long-a-line")
}
