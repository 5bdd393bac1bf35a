// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package browser

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
)

const (
	driverModule  = "playwright-core"
	driverVersion = "1.65.1"
	chromium      = "/usr/bin/chromium"
	// patience is how long a test waits for what has to happen. It is generous, so
	// that tests pass on a slow machine.
	patience = 60 * time.Second
)

func cacheFolder(t *testing.T) string {
	t.Helper()
	return beattest.CacheFolder(t, "browser")
}

func installDriver(t *testing.T) (folder string) {
	t.Helper()
	folder = cacheFolder(t)
	require.NoError(t, beattest.InstallPackages(map[string]string{chromium: "chromium"}))
	require.NoError(t, beattest.InstallNodeModule(folder, driverModule, driverVersion))
	return folder
}

var buildOnce sync.Once

// wsreceiver builds the program and returns its path.
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

var liveTail = regexp.MustCompile(`msg="live tail" url=http://(\S+)/`)

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
	match, err := s.process.Await(liveTail, patience)
	require.NoError(s.t, err)
	s.address = match[1]
}

func (s *server) stop() {
	s.t.Helper()
	require.Zero(s.t, s.process.Stop())
}

func (s *server) page() string { return "http://" + s.address + "/" }

func (s *server) ingest() string { return "ws://" + s.address + "/ingest" }
