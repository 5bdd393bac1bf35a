// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
)

// TestTheReceiverOfTheDocumentBuilds builds the program of docs/receiver.md in a
// module of its own, as a reader does, with what is in the module cache.
func TestTheReceiverOfTheDocumentBuilds(t *testing.T) {
	const replaced = "=> ../filebeat-websocket\n"
	files := map[string]string{}
	for _, b := range blocks(t) {
		switch {
		case b.document != "docs/receiver.md":
		case b.language == "go":
			files["main.go"] += b.text
		case b.language == "text":
			require.Contains(t, b.text, replaced)
			files["go.mod"] += strings.Replace(b.text, replaced, "=> "+beattest.Root(t)+"\n", 1)
		}
	}
	require.Len(t, files, 2)
	folder := t.TempDir()
	for name, content := range files {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600))
	}
	for _, arguments := range []string{"mod tidy", "vet .", "build -o landing ."} {
		command := exec.CommandContext(t.Context(), "go", strings.Fields(arguments)...)
		command.Dir = folder
		command.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off", "GOPROXY=off", "GOSUMDB=off")
		output, err := command.CombinedOutput()
		require.NoError(t, err, "go %s: %s", arguments, output)
	}
	unformatted, err := exec.CommandContext(t.Context(), "gofmt", "-l", folder).Output()
	require.NoError(t, err)
	require.Empty(t, string(unformatted))
}
