// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package soak

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
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

// onceRun is a filebeat and a wsreceiver, both of which are killed every few seconds.
type onceRun struct {
	t        *testing.T
	setup    beattest.Setup
	receiver *beattest.Receiver
	filebeat *beattest.Filebeat

	killsOfFilebeat, killsOfReceiver, leftOut int
}

func TestSoakOnce(t *testing.T) {
	t.Logf("run again with: go tool mage soak -once -length=%v -seed=%d", *duration, *seed)
	for i, ack := range []string{"ping", "message"} {
		t.Run(ack, func(t *testing.T) {
			t.Parallel()
			soakOnce(t, ack, rand.New(rand.NewPCG(*seed, uint64(i))))
		})
	}
}

// burst are lines that are written at once before a kill, which comes within burstTime.
const (
	burst     = 5_000
	burstTime = 700 * time.Millisecond
)

// maxBehind is how many lines may be on their way before no more are written: programs that
// are killed all the time do not keep up with any machine.
const maxBehind = 20_000

// settled is longer than filebeat waits between two looks for files.
const settled = 2 * time.Second

// rememberedIDs is for --dedup: fewer than all, and more than are on their way at once and
// in a rotated file, which filebeat may read again.
const rememberedIDs = 2*rotateEvery + maxBehind

func soakOnce(t *testing.T, ack string, random *rand.Rand) {
	out := filepath.Join(t.TempDir(), "records")
	run := &onceRun{t: t, receiver: beattest.StartReceiver(t, "--metrics", "--quiet", "--dedup", strconv.Itoa(rememberedIDs), "--out", out+"/")}
	run.setup = beattest.Setup{
		Dir:   t.TempDir(),
		Extra: "queue.mem.flush.timeout: 100ms",
		Input: "    backoff: {init: 100ms, max: 100ms}\n",
		Output: fmt.Sprintf(`
output.websocket:
  hosts: [%q]
  ack: %s
  format: json_lines
  timeout: 5s
  pipelining: 4
  backoff: {init: 50ms, max: 500ms}
`, run.receiver.URL(), ack),
	}
	beattest.AppendLines(t, run.setup.LogFile("a.log"), 1, 1)
	run.startFilebeat()
	there := &landed{t: t, folder: out, read: map[string]int64{}, times: map[int]int{}}
	lines, begun := 1, time.Now()
	tick := time.NewTicker(step)
	defer tick.Stop()
	nextKill := begun.Add(killInterval(random))
	for elapsed := time.Duration(0); elapsed < *duration; elapsed = time.Since(begun) {
		<-tick.C
		if lines-there.look() < maxBehind {
			lines = writeDue(t, run.setup, lines, lines+linesPerSecond*int(step)/int(time.Second))
		}
		if time.Now().After(nextKill) {
			// Kills in the middle of much.
			lines = writeDue(t, run.setup, lines, lines+burst)
			time.Sleep(time.Duration(random.IntN(int(burstTime))))
			run.kill(random.IntN(4))
			nextKill = time.Now().Add(killInterval(random))
		}
	}
	lines = writeDue(t, run.setup, lines, lines+1) // behind all that is read again
	beattest.Eventually(t, patience, "every line arrives", func() bool { return there.look() >= lines })
	for range 2 { // what a scan finds is sent too
		time.Sleep(settled)
		beattest.Eventually(t, patience, "all is confirmed", func() bool { return run.filebeat.Stat("libbeat.pipeline.events.active") == 0 })
	}
	run.countLeftOut()
	require.Zero(t, run.filebeat.Stop())
	require.Zero(t, run.receiver.Stop())
	missing, twice := 0, 0
	there.look()
	for line := 1; line <= lines; line++ {
		switch n := there.times[line]; {
		case n == 0:
			missing++
		case n > 1:
			twice++
		}
	}
	t.Logf("| %s | %v | %d | %d | %d | %d | %d | %d |", ack, *duration, lines, run.killsOfFilebeat, run.killsOfReceiver, run.leftOut, missing, twice)
	require.Zero(t, missing, "missing lines")
	require.Zero(t, twice, "lines that are there more than once")
}

// killInterval is 2 to 6 s.
func killInterval(random *rand.Rand) time.Duration {
	return 2*time.Second + time.Duration(random.IntN(int(4*time.Second)))
}

func (run *onceRun) startFilebeat() { run.filebeat = beattest.StartFilebeat(run.t, run.setup) }

func (run *onceRun) killFilebeat() {
	run.filebeat.Kill()
	run.killsOfFilebeat++
}

func (run *onceRun) killReceiver() {
	run.countLeftOut()
	run.receiver.Kill()
	run.killsOfReceiver++
}

// kill kills one of them, or both in one order or the other.
func (run *onceRun) kill(how int) {
	switch how {
	case 0:
		run.killFilebeat()
		run.startFilebeat()
	case 1:
		run.killReceiver()
		run.receiver.Start()
	case 2:
		run.killFilebeat()
		run.killReceiver()
		run.startFilebeat()
		run.receiver.Start()
	default:
		run.killReceiver()
		run.killFilebeat()
		run.receiver.Start()
		run.startFilebeat()
	}
}

var leftOutLine = regexp.MustCompile(`(?m)^wsreceiver_duplicate_records_total\{.*\} (\d+)$`)

// countLeftOut adds what this process has left out so far. The last moment before a kill is
// not in it.
func (run *onceRun) countLeftOut() {
	request, err := http.NewRequestWithContext(run.t.Context(), http.MethodGet,
		strings.Replace(strings.TrimSuffix(run.receiver.URL(), "/ingest"), "ws", "http", 1)+"/metrics", nil)
	require.NoError(run.t, err)
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	require.NoError(run.t, err)
	page, err := io.ReadAll(response.Body)
	require.NoError(run.t, err)
	require.NoError(run.t, response.Body.Close())
	for _, match := range leftOutLine.FindAllSubmatch(page, -1) {
		count, err := strconv.Atoi(string(match[1]))
		require.NoError(run.t, err)
		run.leftOut += count
	}
}

// landed counts the lines in the files of a folder. It reads each byte once: only half a line
// at an end is ever cut off.
type landed struct {
	t      *testing.T
	folder string
	read   map[string]int64 // bytes
	times  map[int]int      // of each line
}

// look counts what is new, and returns how many lines there are at least once.
func (l *landed) look() int {
	files, err := filepath.Glob(filepath.Join(l.folder, "*.ndjson"))
	require.NoError(l.t, err)
	for _, name := range files {
		file, err := os.Open(name)
		require.NoError(l.t, err)
		content, err := io.ReadAll(io.NewSectionReader(file, l.read[name], 1<<40))
		require.NoError(l.t, err)
		require.NoError(l.t, file.Close())
		content = content[:bytes.LastIndexByte(content, '\n')+1]
		l.read[name] += int64(len(content))
		for line := range bytes.Lines(content) {
			if _, rest, found := bytes.Cut(line, []byte("seq=")); found {
				digits, _, _ := bytes.Cut(rest, []byte(" "))
				number, err := strconv.Atoi(string(digits))
				require.NoErrorf(l.t, err, "a broken record: %.100q", line)
				l.times[number]++
			}
		}
	}
	return len(l.times)
}
