// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
)

var update = flag.Bool("update", false, "write the table of memory in docs/operations.md")

const operations = "docs/operations.md"

// agent is a filebeat whose memory is measured.
type agent struct {
	name      string
	queue     int // events it holds, all of them waiting for a server that is away
	lineBytes int
}

var agents = []agent{
	{name: "nothing to do", queue: 0},
	{name: "the queue of the shipped filebeat.yml is full of lines of 200 bytes", queue: 12800, lineBytes: 200},
	{name: "the same, lines of 2,000 bytes", queue: 12800, lineBytes: 2000},
	{name: "a queue of 100,000 events is full of lines of 200 bytes", queue: 100_000, lineBytes: 200},
}

// mebibytes returns the resident memory once the queue is full.
func (a agent) mebibytes(t *testing.T) int {
	t.Helper()
	setup := beattest.Setup{
		Dir:    t.TempDir(),
		Output: `output.websocket: {hosts: ["127.0.0.1:1"], backoff.init: 100ms, backoff.max: 1s}`,
		Extra:  fmt.Sprintf("queue.mem: {events: %d, flush.min_events: 1600, flush.timeout: 100ms}", max(a.queue, 12800)),
	}
	if a.queue > 0 {
		require.NoError(t, os.MkdirAll(filepath.Dir(setup.LogFile("a.log")), 0o755))
		lines := strings.Repeat(strings.Repeat("x", a.lineBytes-1)+"\n", a.queue+5000)
		require.NoError(t, os.WriteFile(setup.LogFile("a.log"), []byte(lines), 0o600))
	}
	filebeat := beattest.StartFilebeat(t, setup)
	beattest.Eventually(t, time.Minute, "the queue is as full as it gets", func() bool {
		return filebeat.Stat("libbeat.pipeline.queue.filled.events") >= a.queue && filebeat.Stat("beat.info.uptime.ms") > 3000
	})
	used, err := filebeat.RSS()
	require.NoError(t, err)
	filebeat.Kill()
	return int(used >> 20)
}

var memoryRow = regexp.MustCompile(`(?m)^\| (.+?) \| (\d+) MiB \|$`)

func TestTheMemoryOfAnAgentIsAsDocumented(t *testing.T) {
	const begin, end = "<!-- memory: begin -->\n", "<!-- memory: end -->"
	table := "| an agent | resident memory |\n|---|---|\n"
	measured := map[string]int{}
	for _, a := range agents {
		measured[a.name] = a.mebibytes(t)
		table += fmt.Sprintf("| %s | %d MiB |\n", a.name, measured[a.name])
	}
	document := read(t, operations)
	before, rest, found := strings.Cut(document, begin)
	require.True(t, found)
	there, after, found := strings.Cut(rest, end)
	require.True(t, found)
	if *update {
		path := filepath.Join(beattest.Root(t), operations)
		require.NoError(t, os.WriteFile(path, []byte(before+begin+table+end+after), 0o644))
		return
	}
	rows := memoryRow.FindAllStringSubmatch(there, -1)
	require.Len(t, rows, len(agents))
	for _, row := range rows {
		figure, err := strconv.Atoi(row[2])
		require.NoError(t, err)
		require.Contains(t, measured, row[1])
		// It is random when the collector has last run.
		require.InEpsilon(t, figure, measured[row[1]], 0.5, row[1])
	}
}
