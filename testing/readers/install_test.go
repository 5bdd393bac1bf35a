// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package readers

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
)

const (
	// debianPython is the one that sees the modules of Debian's packages.
	debianPython  = "/usr/bin/python3"
	pythonModule  = "/usr/lib/python3/dist-packages/msgpack"
	debianPackage = "python3-msgpack"

	nodeModule  = "@msgpack/msgpack"
	nodeVersion = "3.1.3"

	installTimeout = 5 * time.Minute
	readTimeout    = 2 * time.Minute
)

// program is a reader.
type program struct {
	command string
	file    string // in testdata
	// doubles says that every number of JSON is a float64 to it.
	doubles bool
}

// python returns the reader in Python, with all that it imports.
func python(t *testing.T) program {
	t.Helper()
	if _, err := os.Stat(pythonModule); err != nil {
		// A fresh machine has no list of packages, or an old one.
		run(t, "apt-get", "update")
		run(t, "apt-get", "install", "-y", "--no-install-recommends", debianPackage)
	}
	return program{command: debianPython, file: "reader.py"}
}

// node returns the reader in Node, with all that it imports.
func node(t *testing.T) program {
	t.Helper()
	folder := cacheFolder(t)
	manifest, err := os.ReadFile(filepath.Join(folder, "node_modules", nodeModule, "package.json"))
	if err != nil || !bytes.Contains(manifest, fmt.Appendf(nil, "\"version\": %q", nodeVersion)) {
		require.NoError(t, os.MkdirAll(folder, 0o755))
		run(t, "npm", "install", "--prefix", folder, "--no-audit", "--no-fund", nodeModule+"@"+nodeVersion)
	}
	return program{command: "node", file: "reader.mjs", doubles: true}
}

// cacheFolder is where the modules of Node are.
func cacheFolder(t *testing.T) string {
	t.Helper()
	return filepath.Join(beattest.Root(t), ".cache", "readers")
}

func run(t *testing.T, command string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), installTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, command, args...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	output, err := cmd.CombinedOutput()
	require.NoErrorf(t, err, "%s %s:\n%s", command, strings.Join(args, " "), output)
}

// read gives the program messages of a kind, each with its length before it, and
// returns what it prints: a line of JSON for each.
func (p program) read(t *testing.T, kind string, messages [][]byte) [][]byte {
	t.Helper()
	source, err := os.ReadFile(filepath.Join("testdata", p.file))
	require.NoError(t, err)
	// Node looks for modules beside the program.
	path := filepath.Join(cacheFolder(t), p.file)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
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
