// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package readers

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
)

const (
	// debianPython finds the modules of Debian's packages.
	debianPython  = "/usr/bin/python3"
	pythonModule  = "/usr/lib/python3/dist-packages/msgpack"
	debianPackage = "python3-msgpack"

	nodeModule  = "@msgpack/msgpack"
	nodeVersion = "3.1.3"

	readTimeout = 2 * time.Minute
)

// program is a reader.
type program struct {
	command string
	file    string // in testdata
	// doubles says that it reads every JSON number as a float64.
	doubles bool
}

// python returns the reader in Python, with all that it imports.
func python(t *testing.T) program {
	t.Helper()
	require.NoError(t, beattest.InstallPackages(map[string]string{pythonModule: debianPackage}))
	return program{command: debianPython, file: "reader.py"}
}

// node returns the reader in Node, with all that it imports.
func node(t *testing.T) program {
	t.Helper()
	require.NoError(t, beattest.InstallNodeModule(cacheFolder(t), nodeModule, nodeVersion))
	return program{command: "node", file: "reader.mjs", doubles: true}
}

// cacheFolder returns the folder with the modules of Node.
func cacheFolder(t *testing.T) string {
	t.Helper()
	return beattest.CacheFolder(t, "readers")
}

// read gives the program messages of a kind, each with its length before it, and
// returns what it prints: a line of JSON for each.
func (p program) read(t *testing.T, kind string, messages [][]byte) [][]byte {
	t.Helper()
	source, err := os.ReadFile(filepath.Join("testdata", p.file))
	require.NoError(t, err)
	// Node looks for modules beside the program.
	path := filepath.Join(cacheFolder(t), p.file)
	require.NoError(t, os.WriteFile(path, source, 0o600))

	ctx, cancel := context.WithTimeout(t.Context(), readTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.command, path, kind)
	cmd.Stdin = bytes.NewReader(withLengths(messages))
	var printed, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &printed, &complaints
	require.NoErrorf(t, cmd.Run(), "%s %s:\n%s", p.file, kind, &complaints)
	lines := bytes.Split(bytes.TrimSuffix(printed.Bytes(), []byte("\n")), []byte("\n"))
	require.Len(t, lines, len(messages))
	return lines
}
