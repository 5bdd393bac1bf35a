// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package browser

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
)

const (
	driverModule   = "playwright-core"
	driverVersion  = "1.65.1"
	chromium       = "/usr/bin/chromium"
	installTimeout = 5 * time.Minute
	// patience is how long a test waits for what has to happen. It is generous: a
	// slow machine is no failure.
	patience = 60 * time.Second
)

// cacheFolder is where what was installed stays.
func cacheFolder(t *testing.T) string {
	t.Helper()
	folder := filepath.Join(beattest.Root(t), ".cache", "browser")
	require.NoError(t, os.MkdirAll(folder, 0o755))
	return folder
}

func installDriver(t *testing.T) (folder string) {
	t.Helper()
	folder = cacheFolder(t)
	if _, err := os.Stat(chromium); err != nil {
		install(t, "apt-get", "update") // a fresh machine has no list of packages, or an old one
		install(t, "apt-get", "install", "-y", "--no-install-recommends", "chromium")
	}
	manifest, err := os.ReadFile(filepath.Join(folder, "node_modules", driverModule, "package.json"))
	if err != nil || !bytes.Contains(manifest, fmt.Appendf(nil, `"version": %q`, driverVersion)) {
		install(t, "npm", "install", "--prefix", folder, "--no-audit", "--no-fund", driverModule+"@"+driverVersion)
	}
	return folder
}

func install(t *testing.T, command string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), installTimeout)
	defer cancel()
	output, err := exec.CommandContext(ctx, command, args...).CombinedOutput()
	require.NoErrorf(t, err, "%s %s:\n%s", command, strings.Join(args, " "), output)
}

var buildOnce sync.Once

// wsreceiver returns the path of the program, built of what is here.
func wsreceiver(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(cacheFolder(t), "wsreceiver")
	buildOnce.Do(func() {
		command := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "./cmd/wsreceiver")
		command.Dir = beattest.Root(t)
		command.Env = append(os.Environ(), "CGO_ENABLED=0")
		output, err := command.CombinedOutput()
		require.NoErrorf(t, err, "%s", output)
	})
	return binary
}

// server is a running wsreceiver with the live tail, which can be stopped and
// started again at the same address.
type server struct {
	t       *testing.T
	args    []string
	address string
	process *beattest.Process
}

var listening = regexp.MustCompile(`msg="live tail" url=http://(\S+)/`)

func startServer(t *testing.T, args ...string) *server {
	t.Helper()
	s := &server{t: t, address: "127.0.0.1:0", args: append([]string{"--tail", "--quiet", "--out", filepath.Join(t.TempDir(), "records.ndjson")}, args...)}
	s.start()
	return s
}

func (s *server) start() {
	s.t.Helper()
	command := exec.CommandContext(context.WithoutCancel(s.t.Context()), wsreceiver(s.t), append([]string{"--listen", s.address}, s.args...)...)
	s.process = beattest.StartProcess(s.t, command)
	beattest.Eventually(s.t, patience, "wsreceiver tells where the live tail is", func() bool {
		match := listening.FindStringSubmatch(s.process.Output())
		if match != nil {
			s.address = match[1]
		}
		return match != nil
	})
}

func (s *server) stop() {
	s.t.Helper()
	require.Zero(s.t, s.process.Stop())
}

func (s *server) page() string { return "http://" + s.address + "/" }

func (s *server) ingest() string { return "ws://" + s.address + "/ingest" }
