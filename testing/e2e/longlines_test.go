// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
)

// The limits are those of docs/configuration.md, "Long lines". A line has the worst
// length that filestream hands over, and a hole of NULs stands before a record, as
// after copytruncate.
func TestLongLinesArriveWithLimitsThatFit(t *testing.T) {
	const longest, hole = 10 << 20, 200_000
	receiver := beattest.StartReceiver(t, "--max-message-bytes", "64MiB", "--max-memory", "1GiB")
	setup := beattest.Setup{
		Dir: t.TempDir(), Output: output(receiver.URL(), "  max_message_bytes: 64MiB\n"),
		Input: "    message_max_bytes: 10485760\n",
	}
	var text bytes.Buffer
	text.WriteString("first line\n")
	text.Write(make([]byte, hole))
	text.WriteString("behind the hole\n")
	text.WriteString(strings.Repeat("\x01", longest-1) + "\nlast line\n")
	require.NoError(t, os.MkdirAll(filepath.Join(setup.Dir, "logs"), 0o755))
	require.NoError(t, os.WriteFile(setup.LogFile("a.log"), text.Bytes(), 0o600))
	filebeat := beattest.StartFilebeat(t, setup)
	filebeat.AwaitEvents(patience, 4, 0)
	require.Zero(t, filebeat.Stop())

	written, err := os.ReadFile(receiver.File)
	require.NoError(t, err)
	require.Equal(t, 4, bytes.Count(written, []byte("\n")))
	require.Contains(t, string(written), "behind the hole")
	require.Equal(t, longest-1, bytes.Count(written, []byte(`\u0001`)))
}
