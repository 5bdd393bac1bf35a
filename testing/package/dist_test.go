// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package installtest

import (
	"context"
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
	// commandTimeout is how long a command may take. It is generous, so that tests
	// pass on a slow machine.
	commandTimeout = 10 * time.Minute
	// patience is how long a test waits for what has to happen.
	patience = 2 * time.Minute
)

// distFolder returns build/dist.
func distFolder(t *testing.T) string { return filepath.Join(beattest.Root(t), "build", "dist") }

// dist returns the path of the one file in build/dist that matches the pattern.
func dist(t *testing.T, pattern string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(distFolder(t), pattern))
	require.NoError(t, err)
	require.Lenf(t, files, 1, "%s in build/dist; make it with: go tool mage package -platforms=linux/amd64", pattern)
	return files[0]
}

// version returns the version of what is in build/dist.
func version(t *testing.T) string {
	t.Helper()
	name := filepath.Base(dist(t, "filebeat-websocket-*-linux-x86_64.tar.gz"))
	return strings.TrimSuffix(strings.TrimPrefix(name, "filebeat-websocket-"), "-linux-x86_64.tar.gz")
}

// need installs the Debian package if the program is not there.
func need(t *testing.T, name, debianPackage string) {
	t.Helper()
	if _, err := exec.LookPath(name); err == nil {
		return
	}
	beattest.NeedRoot(t, "apt-get")
	require.NoError(t, beattest.InstallPackages(map[string]string{"/usr/bin/" + name: debianPackage}))
}

// command is a command that outlives neither commandTimeout nor the test.
func command(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), commandTimeout)
	t.Cleanup(cancel)
	return exec.CommandContext(ctx, name, args...)
}

// program is a command that beattest starts and ends.
func program(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	return exec.CommandContext(context.WithoutCancel(t.Context()), name, args...)
}

// run runs a command that has to end well, and returns what it printed.
func run(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	output, err := cmd.CombinedOutput()
	require.NoErrorf(t, err, "%s:\n%s", strings.Join(cmd.Args, " "), output)
	return string(output)
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(content)
}
