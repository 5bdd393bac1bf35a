// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bufio"
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
	"filebeat-websocket/testing/wstest"
)

const (
	// rotatedLines is how long each file is: longer than any queue here, so that a
	// part of every file is unread when the file goes.
	rotatedLines = 14_000
	queuedEvents = 3_200 // the smallest queue: libbeat's own default
	newLines     = 500

	// slowServer is how many bytes a second a server reads that takes some 1,000
	// messages of one event.
	slowServer = 1_000 * 750

	// rotationPatience has room for filestream's scans, which are 10 s apart.
	rotationPatience = 4 * time.Minute
)

// shippedFiles is a configuration that users start from.
type shippedFiles struct {
	name string
	text func(t *testing.T) string
	// prefix is what a line of a log begins with.
	prefix func(seq int) string
	// flags give settings that a test can't leave as they are.
	flags []string
}

func plain(int) string { return "" }

// cri is what a container's runtime writes before a line. The times tell files
// apart whose first 64 bytes are all that is looked at.
func cri(seq int) string {
	return time.Unix(1_700_000_000, int64(seq)).UTC().Format("2006-01-02T15:04:05.000000000Z") + " stdout F "
}

// textOf returns the text of files of the module, one after the other.
func textOf(paths ...string) func(*testing.T) string {
	return func(t *testing.T) string {
		t.Helper()
		var whole strings.Builder
		for _, path := range paths {
			content, err := os.ReadFile(filepath.Join(beattest.Root(t), path))
			require.NoError(t, err)
			whole.Write(content)
		}
		return whole.String()
	}
}

// readme returns the configuration of the README.
func readme(t *testing.T) string {
	t.Helper()
	match := yamlBlock.FindStringSubmatch(textOf("README.md")(t))
	require.Len(t, match, 2)
	require.Contains(t, match[1], "filestream")
	return match[1]
}

var shippedConfigurations = []shippedFiles{
	{name: "filebeat.yml", text: textOf("filebeat.yml"), prefix: plain},
	{name: "the packages", text: textOf("filebeat.yml", "build/package/modules.yml"), prefix: plain},
	{name: "the image", text: textOf("build/docker/filebeat.yml"), prefix: plain},
	{name: "the README", text: readme, prefix: plain},
	{
		name: "Kubernetes", text: textOf("build/kubernetes/base/filebeat.yml"), prefix: cri,
		flags: []string{"-E", "output.websocket.bearer_token_file=token"},
	},
}

// rotation is a filebeat with a shipped configuration, and the logs that it reads.
type rotation struct {
	t        *testing.T
	shipped  shippedFiles
	folder   string
	filebeat *beattest.Process
	last     int // number of the newest line
}

func newRotation(t *testing.T, s shippedFiles) *rotation {
	t.Helper()
	r := &rotation{t: t, shipped: s, folder: t.TempDir()}
	require.NoError(t, os.MkdirAll(filepath.Join(r.folder, "log", "containers"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(r.folder, "token"), []byte("token"), 0o600))
	for _, name := range r.files() {
		r.write(name, rotatedLines)
	}
	return r
}

// files are to be renamed, to be deleted, and to be both.
func (r *rotation) files() []string {
	folder := filepath.Join(r.folder, "log")
	if r.shipped.name == "Kubernetes" {
		folder = filepath.Join(folder, "containers")
	}
	return []string{filepath.Join(folder, "renamed.log"), filepath.Join(folder, "deleted.log"), filepath.Join(folder, "both.log")}
}

// write appends the next lines to a file.
func (r *rotation) write(path string, lines int) {
	r.t.Helper()
	to, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	require.NoError(r.t, err)
	buffered := bufio.NewWriter(to)
	for range lines {
		r.last++
		_, err := buffered.WriteString(r.shipped.prefix(r.last) + beattest.Line(r.last) + "\n")
		require.NoError(r.t, err)
	}
	require.NoError(r.t, buffered.Flush())
	require.NoError(r.t, to.Close())
}

// start starts filebeat, which sends to that address.
func (r *rotation) start(address string) {
	r.t.Helper()
	const hosts = "ws://127.0.0.1:8080/ingest"
	log := filepath.Join(r.folder, "log")
	text := strings.NewReplacer(
		"/var/log/*", log+"/*", "/var/log/containers/*", log+"/containers/*", "/var/log/pods/*", log+"/pods/*",
		hosts, "ws://"+address+"/",
	).Replace(r.shipped.text(r.t))
	path := filepath.Join(r.folder, "filebeat.yml")
	require.NoError(r.t, os.WriteFile(path, []byte(text), 0o600))
	// Of filestream's log the lines about files that come and go.
	args := []string{
		"-c", path, "-e", "-d", "input.filestream", "--path.home", r.folder,
		"-E", "output.websocket.backoff.max=1s",
		"-E", "http.enabled=true", "-E", "http.host=unix://" + r.socket(),
	}
	cmd := exec.CommandContext(context.WithoutCancel(r.t.Context()), beattest.Binary(r.t, "filebeat"), append(args, r.shipped.flags...)...)
	cmd.Dir = r.folder
	cmd.Env = append(os.Environ(), "WEBSOCKET_HOSTS=ws://"+address+"/", "NODE_NAME=node", "POD_IP=127.0.0.1")
	r.filebeat = beattest.StartProcess(r.t, cmd)
}

func (r *rotation) socket() string { return filepath.Join(r.folder, "http.sock") }

// queueIsFull waits until filebeat reads no more.
func (r *rotation) queueIsFull() {
	r.t.Helper()
	beattest.Eventually(r.t, rotationPatience, "the queue is full", func() bool {
		active, err := beattest.ReadStat(r.t.Context(), r.socket(), "libbeat.pipeline.events.active")
		return err == nil && active >= queuedEvents
	})
}

// rotate takes the files away, each in its own way, puts new ones in their places,
// and waits until filebeat has noticed.
func (r *rotation) rotate() {
	r.t.Helper()
	files := r.files()
	renamed, deleted, both := files[0], files[1], files[2]
	require.NoError(r.t, os.Rename(renamed, renamed+".1"))
	require.NoError(r.t, os.Remove(deleted))
	require.NoError(r.t, os.Rename(both, both+".1"))
	for _, name := range files {
		r.write(name, newLines)
	}
	for _, name := range files {
		beattest.Eventually(r.t, rotationPatience, "filebeat has noticed that a file is gone", func() bool {
			return strings.Contains(r.filebeat.Output(), fmt.Sprintf("File %s has been removed", name))
		})
	}
	require.NoError(r.t, os.Remove(both+".1"))
}

// arrived waits until every line is at the server.
func (r *rotation) arrived(server *wstest.Server) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), rotationPatience)
	defer cancel()
	err := server.Wait(ctx, func(c wstest.Counts) bool { return c.Unique >= r.last })
	require.NoErrorf(r.t, err, "missing, among others: %v", server.Missing(1, r.last))
	require.Empty(r.t, server.Missing(1, r.last))
	require.Zero(r.t, r.filebeat.Stop())
}

func TestRotationInAnOutageLosesNothing(t *testing.T) {
	t.Parallel()
	for _, s := range shippedConfigurations {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			r := newRotation(t, s)
			away := wstest.Start(t)
			address := away.Addr()
			away.Kill()
			r.start(address)
			r.queueIsFull()
			r.rotate()
			r.arrived(wstest.Start(t, wstest.WithAddr(address)))
		})
	}
}

func TestRotationWithASlowServerLosesNothing(t *testing.T) {
	t.Parallel()
	for _, s := range shippedConfigurations {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			r := newRotation(t, s)
			server := wstest.Start(t, wstest.WithScript(always(wstest.Fault{SlowRead: slowServer})))
			r.start(server.Addr())
			r.queueIsFull()
			r.rotate()
			require.Less(t, server.Counts().Unique, 3*rotatedLines, "the server was too fast to show anything")
			r.arrived(server)
		})
	}
}
