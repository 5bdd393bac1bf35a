// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

//go:build unix

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
	"filebeat-websocket/testing/wstest"
)

// Somebody else made the dead letter file before: a symbolic link to another file, or a
// pipe that nobody reads. Delivery and the stop do not mind.
func TestDeadLettersGoToRegularFilesOnly(t *testing.T) {
	for name, plant := range map[string]func(t *testing.T, path, elsewhere string){
		"a symbolic link": func(t *testing.T, path, elsewhere string) { require.NoError(t, os.Symlink(elsewhere, path)) },
		"a pipe":          func(t *testing.T, path, _ string) { require.NoError(t, syscall.Mkfifo(path, 0o600)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const lines = 100
			server := wstest.Start(t)
			letters, elsewhere := t.TempDir(), filepath.Join(t.TempDir(), "elsewhere")
			require.NoError(t, os.WriteFile(elsewhere, []byte("as it was\n"), 0o600))
			for day := range 2 { // the test may run at midnight
				date := time.Now().AddDate(0, 0, day).Format("20060102")
				plant(t, filepath.Join(letters, "websocket-"+date+".ndjson"), elsewhere)
			}
			setup := beattest.Setup{Dir: t.TempDir(), Output: output(server.URL(), "  max_len: 1KiB\n  dead_letter.path: "+letters+"\n")}
			require.NoError(t, os.MkdirAll(filepath.Dir(setup.LogFile("a.log")), 0o755))
			var text strings.Builder
			text.WriteString(strings.Repeat("x", 2_000) + "\n")
			for seq := 1; seq <= lines; seq++ {
				text.WriteString(beattest.Line(seq) + "\n")
			}
			require.NoError(t, os.WriteFile(setup.LogFile("a.log"), []byte(text.String()), 0o600))

			filebeat := beattest.StartFilebeat(t, setup)
			filebeat.AwaitEvents(patience, lines, 1)
			require.Zero(t, filebeat.Stop())
			require.Empty(t, server.Missing(1, lines))
			require.Contains(t, filebeat.Output(), "could not be written to the dead letter file")
			content, err := os.ReadFile(elsewhere)
			require.NoError(t, err)
			require.Equal(t, "as it was\n", string(content))
		})
	}
}
