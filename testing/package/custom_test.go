// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package installtest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
)

var fence = regexp.MustCompile("(?sm)^```(\\S+)(?: ([^\\n]*))?\\n(.*?)^```$")

// codeBlock is a code block of a document: its language, what else stands in the
// line of its fence, its content.
type codeBlock struct{ language, label, content string }

func blocks(t *testing.T, document string) (found []codeBlock) {
	t.Helper()
	for _, match := range fence.FindAllStringSubmatch(read(t, filepath.Join(beattest.Root(t), "docs", document)), -1) {
		found = append(found, codeBlock{match[1], match[2], match[3]})
	}
	return found
}

func TestTheBeatInTheDocumentBuildsAndShips(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.Symlink(beattest.Root(t), filepath.Join(folder, "filebeat-websocket")))
	receiver := beattest.StartReceiver(t)
	script := ""
	for _, b := range blocks(t, "custom-beat.md") {
		switch {
		case b.language == "sh":
			script += b.content
		case b.label != "":
			path := filepath.Join(folder, b.label)
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
			content := strings.ReplaceAll(b.content, "ws://127.0.0.1:8080/ingest", receiver.URL())
			require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		}
	}
	build := command(t, "sh", "-euc", script)
	build.Dir = folder
	require.Contains(t, run(t, build), "Config OK")

	tickbeat := program(t, "./tickbeat", "-e")
	tickbeat.Dir = filepath.Join(folder, "tickbeat")
	process := beattest.StartProcess(t, tickbeat)
	beattest.Eventually(t, patience, "two ticks are there", func() bool {
		content, err := os.ReadFile(receiver.File)
		return err == nil && strings.Count(string(content), `"message":"tick"`) >= 2 || !process.Running()
	})
	require.Zero(t, process.Stop())
}
