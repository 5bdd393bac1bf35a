// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"context"
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
}

var languages = map[string]language{
	"Node":   {fence: "js", file: "receiver.mjs", command: "node", mostRows: 82},
	"Python": {fence: "python", file: "receiver.py", command: debianPython, mostRows: 82},
}

const (
	protocolFile = "docs/protocol.md"
	// patience is how long a test waits for what has to happen. It is generous, so
	// that tests pass on a slow machine.
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

// installed writes the receiver of the document to a folder that has what it imports,
// and returns its path.
func (l language) installed(t *testing.T) string {
	t.Helper()
	blocks := fencedBlocks(t, l.fence)
	require.Len(t, blocks, 1, "code blocks of %s", l.fence)
	require.LessOrEqual(t, strings.Count(blocks[0], "\n"), l.mostRows)
	install(t)
	folder := filepath.Join(cacheFolder(t), l.fence)
	require.NoError(t, os.MkdirAll(folder, 0o755))
	path := filepath.Join(folder, l.file)
	require.NoError(t, os.WriteFile(path, []byte(blocks[0]), 0o600))
	return path
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
