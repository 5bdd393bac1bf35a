// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/outputs/websocket/framing"
	"filebeat-websocket/testing/beattest"
)

// forwardServer is a server of Fluent Forward over TCP.
var forwardServer = testServer{"@fluent-org/logger", func(t *testing.T) (command, env []string) {
	modules := filepath.Join(nodeFolder(t), "node_modules")
	return []string{"node", testdata(t, "servers", "forward.cjs")},
		[]string{"NODE_PATH=" + modules, "SHARED_KEY=s3cret", "USERNAME=alice", "PASSWORD=pa55word"}
}}

// bridges are what stands between filebeat and such a server. start returns the URL.
var bridges = []struct {
	name    string
	version func(t *testing.T) string
	start   func(t *testing.T, target string) (url string)
}{
	{"websockify", func(t *testing.T) string {
		return versionOf(t, []string{"dpkg-query", "--show", "websockify"}, `\s(\S+)`)
	}, startWebsockify},
	{"a bridge that cuts at random bytes", func(*testing.T) string { return "" }, startBridge},
}

func startWebsockify(t *testing.T, target string) string {
	t.Helper()
	port := freePort(t)
	p := &peer{t: t, port: port, folder: t.TempDir()}
	p.command = []string{"websockify", p.address(), target}
	p.start()
	return "ws://" + p.address() + "/"
}

// TestFilebeatShipsToAForwardServerBehindABridge makes the second table of
// docs/interop.md.
func TestFilebeatShipsToAForwardServerBehindABridge(t *testing.T) {
	const head = "| bridge | version | Forward server | version | `forward.mode` | lines | missing | duplicates |\n|---|---|---|---|---|--:|--:|--:|\n"
	install(t)
	rows := make([]string, len(bridges)*len(framing.ForwardModes))
	var mutex sync.Mutex
	t.Run("bridges", func(t *testing.T) {
		for i, b := range bridges {
			for j, mode := range framing.ForwardModes {
				t.Run(b.name+", mode "+mode, func(t *testing.T) {
					t.Parallel()
					s, duplicates := shipForward(t, mode, b.start)
					mutex.Lock()
					defer mutex.Unlock()
					rows[i*len(framing.ForwardModes)+j] = fmt.Sprintf("| %s | %s | %s | %s | %s | %d | 0 | %d |\n", b.name, b.version(t),
						forwardServer.name, s.says(`(?m)^version (\S+)$`), mode, forwardLines, duplicates)
				})
			}
		}
	})
	table := head + strings.Join(rows, "")
	t.Log("\n" + table)
	// Some rows are left out with -run, or have failed.
	if !slices.Contains(rows, "") {
		checkSection(t, "forward", table, withoutDigits)
	}
}

// The lines that a Forward server gets. Each begins with a part of its tag and its time.
const (
	forwardLines = 20_000
	firstSecond  = 1_612_563_429
)

func forwardTag(seq int) string { return fmt.Sprintf("tag%d", seq%3) }
func forwardTime(seq int) time.Time {
	return time.Unix(int64(firstSecond+seq), int64(seq)*49_999).UTC()
}

func appendForwardLines(t *testing.T, path string, first, last int) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	require.NoError(t, err)
	buffered := bufio.NewWriter(file)
	for seq := first; seq <= last; seq++ {
		_, err := fmt.Fprintf(buffered, "%s %s seq=%d %s\n", forwardTag(seq), forwardTime(seq).Format(time.RFC3339Nano), seq, strings.Repeat("x", 100))
		require.NoError(t, err)
	}
	require.NoError(t, buffered.Flush())
	require.NoError(t, file.Close())
}

// shipForward ships the lines through a bridge to a server that is killed in the middle,
// and checks tag and time of each.
func shipForward(t *testing.T, mode string, start func(t *testing.T, target string) string) (s *peer, duplicates int) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "records.ndjson")
	s = forwardServer.start(t, path)
	setup := beattest.Setup{Dir: t.TempDir(), Output: fmt.Sprintf(`
processors:
  - dissect: {tokenizer: "%%{tag} %%{time} %%{rest}", target_prefix: parsed}
  - timestamp: {field: parsed.time, layouts: ["2006-01-02T15:04:05.999999999Z"]}
output.websocket:
  hosts: [%q]
  ack: message
  format: forward
  batch_size: 200
  backoff: {init: 200ms, max: 1s}
  forward:
    mode: %s
    tag: "app.%%{[parsed.tag]}"
    shared_key: s3cret
    username: alice
    password: pa55word
`, start(t, s.address()), mode), Input: "    backoff: {init: 50ms, max: 50ms}\n"}
	log := setup.LogFile("a.log")
	appendForwardLines(t, log, 1, forwardLines/2)
	filebeat := beattest.StartFilebeat(t, setup)
	file := &stored{t: t, path: path, before: " seq=", seen: map[int]int{}, starts: true}
	arrived := func(unique int) {
		t.Helper()
		beattest.Eventually(t, patience, fmt.Sprintf("%d lines are in the file", unique), func() bool {
			require.True(t, filebeat.Running(), "filebeat has ended")
			file.look()
			return len(file.seen) >= unique
		})
	}
	arrived(forwardLines / 5)
	s.kill()
	t.Logf("%d lines were confirmed at the kill", filebeat.Stat("libbeat.output.events.acked"))
	require.Less(t, filebeat.Stat("libbeat.output.events.acked"), forwardLines/2, "the server was killed too late for this test")
	appendForwardLines(t, log, forwardLines/2+1, forwardLines)
	s.start()
	arrived(forwardLines)
	filebeat.AwaitEvents(patience, forwardLines, 0)
	require.Zero(t, filebeat.Stop())

	file.look()
	file.requireAll(1, forwardLines)
	require.LessOrEqual(t, file.torn, 1, "the kill tears at most one line")
	requireTagsAndTimes(t, path)
	require.Equal(t, fileSize(t, log), setup.RegistryOffsets(t)["a.log"])
	for _, times := range file.seen {
		duplicates += times - 1
	}
	return s, duplicates
}

// requireTagsAndTimes compares each entry in the file with the line that it was.
func requireTagsAndTimes(t *testing.T, path string) {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	for line := range strings.Lines(string(content)) {
		var entry struct {
			Tag, Time string
			Record    struct{ Message string }
		}
		if json.Unmarshal([]byte(line), &entry) != nil {
			continue // torn, which was counted
		}
		_, after, _ := strings.Cut(entry.Record.Message, " seq=")
		var seq int
		_, err := fmt.Sscanf(after, "%d", &seq)
		require.NoError(t, err, line)
		at := forwardTime(seq)
		if want := fmt.Sprintf("%d.%09d", at.Unix(), at.Nanosecond()); entry.Tag != "app."+forwardTag(seq) || entry.Time != want {
			require.FailNow(t, "an entry has another tag or time", "tag %s, time %s, want %s: %s", entry.Tag, entry.Time, want, line)
		}
	}
}
