// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
)

// language is one of the worked receivers of docs/protocol.md.
type language struct {
	fence    string // the word after the three backquotes of its code block
	file     string
	command  string
	mostRows int
	install  func(t *testing.T, folder string)
}

var languages = map[string]language{
	"Node":   {fence: "js", file: "receiver.mjs", command: "node", mostRows: 59, install: installNodeModule},
	"Python": {fence: "python", file: "receiver.py", command: debianPython, mostRows: 59, install: installPythonModule},
}

const (
	protocolFile = "docs/protocol.md"
	nodeModule   = "ws"
	nodeVersion  = "8.23.0"
	// debianPython is the one that sees the modules of Debian's packages.
	debianPython = "/usr/bin/python3"

	installTimeout = 5 * time.Minute
	// patience is how long a test waits for what has to happen. It is generous: a
	// slow machine is no failure.
	patience = 2 * time.Minute
)

// fencedBlocks returns the code blocks of the document in that language.
func fencedBlocks(t *testing.T, fence string) (blocks []string) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(beattest.Root(t), protocolFile))
	require.NoError(t, err)
	block := regexp.MustCompile("(?sm)^```" + fence + "\n(.*?)^```$")
	for _, match := range block.FindAllSubmatch(content, -1) {
		blocks = append(blocks, string(match[1]))
	}
	return blocks
}

// installed writes the receiver of the document to a folder where it finds what
// it imports, and returns its path.
func (l language) installed(t *testing.T) string {
	t.Helper()
	blocks := fencedBlocks(t, l.fence)
	require.Len(t, blocks, 1, "code blocks of %s", l.fence)
	require.LessOrEqual(t, strings.Count(blocks[0], "\n"), l.mostRows)
	folder := filepath.Join(beattest.Root(t), ".cache", "interop", l.fence)
	require.NoError(t, os.MkdirAll(folder, 0o755))
	l.install(t, folder)
	path := filepath.Join(folder, l.file)
	require.NoError(t, os.WriteFile(path, []byte(blocks[0]), 0o600))
	return path
}

func installNodeModule(t *testing.T, folder string) {
	t.Helper()
	manifest, err := os.ReadFile(filepath.Join(folder, "node_modules", nodeModule, "package.json"))
	if err == nil && bytes.Contains(manifest, fmt.Appendf(nil, `"version": %q`, nodeVersion)) {
		return
	}
	install(t, "npm", "install", "--prefix", folder, "--no-audit", "--no-fund", nodeModule+"@"+nodeVersion)
}

func installPythonModule(t *testing.T, _ string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), installTimeout)
	defer cancel()
	if exec.CommandContext(ctx, debianPython, "-c", "import websockets").Run() == nil {
		return
	}
	install(t, "apt-get", "update") // a fresh machine has no list of packages, or an old one
	install(t, "apt-get", "install", "-y", "--no-install-recommends", "python3-websockets")
}

func install(t *testing.T, command string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), installTimeout)
	defer cancel()
	output, err := exec.CommandContext(ctx, command, args...).CombinedOutput()
	require.NoErrorf(t, err, "%s %s:\n%s", command, strings.Join(args, " "), output)
}

// receiver is a running receiver.
type receiver struct {
	t        *testing.T
	language language
	program  string
	file     string // what it appends to
	port     string

	process *beattest.Process
}

// startReceiver starts the receiver of the document on a port of its choice. The
// test's Cleanup kills it.
func startReceiver(t *testing.T, l language) *receiver {
	t.Helper()
	r := &receiver{t: t, language: l, program: l.installed(t), file: filepath.Join(t.TempDir(), "records.ndjson"), port: "0"}
	r.start()
	return r
}

// start starts the program on the port that it had before, if it had one.
func (r *receiver) start() {
	r.t.Helper()
	r.process = beattest.StartProcess(r.t, exec.CommandContext(context.WithoutCancel(r.t.Context()), r.language.command, r.program, r.file, r.port))
	beattest.Eventually(r.t, patience, "the program prints where it listens", func() bool {
		match := listening.FindStringSubmatch(r.process.Output())
		if match == nil {
			return false
		}
		r.port = match[1]
		return true
	})
}

var listening = regexp.MustCompile(`(?m)^listening (\d+)$`)

func (r *receiver) url() string { return "ws://127.0.0.1:" + r.port + "/ingest" }

// kill ends the program with SIGKILL and waits for its end.
func (r *receiver) kill() { r.process.Kill() }

// terminate asks the program to stop.
func (r *receiver) terminate() { r.process.Terminate() }

// exitCode waits for the end of the program.
func (r *receiver) exitCode() int {
	r.t.Helper()
	return r.process.Wait(patience)
}
