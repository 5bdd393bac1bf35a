// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
	"filebeat-websocket/testing/wstest"
)

// lagTolerance is how late a metric may be.
const lagTolerance = time.Second

// registryLate is how much later than a confirmation the registry may be written.
const registryLate = 150 * time.Millisecond

// lagged is a log file that filebeat reads, whatever its name is by now.
type lagged struct {
	file     *os.File
	key      string // how its entry in the registry ends
	awaiting bool   // it was truncated, and the registry does not know yet
	unknown  bool   // the registry does not follow it to its end: it was renamed, truncated or deleted
}

// lagging compares the metrics of a filebeat with the sizes of the files, and with what
// the registry has of them.
type lagging struct {
	t        *testing.T
	setup    beattest.Setup
	filebeat *beattest.Filebeat
	files    []*lagged
	open     map[string]*lagged // by name, those that are written
	seq      int

	registry map[string]int64 // offsets
	readTo   int              // of the registry's log
	truths   []truth
	compared int
	settling bool // only the end is compared: the registry ignores confirmations of a content that is gone
}

// truth is what a file was at a time.
type truth struct {
	at              time.Time
	file            *lagged
	size, confirmed int64
}

func (l *lagging) create(name string) {
	l.t.Helper()
	path := l.setup.LogFile(name)
	require.NoError(l.t, os.MkdirAll(filepath.Dir(path), 0o755))
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	require.NoError(l.t, err)
	l.t.Cleanup(func() { _ = file.Close() })
	info, err := file.Stat()
	require.NoError(l.t, err)
	stat, ok := info.Sys().(*syscall.Stat_t)
	require.True(l.t, ok)
	created := &lagged{file: file, key: fmt.Sprintf("::%d-%d", stat.Ino, stat.Dev)}
	l.files = append(l.files, created)
	l.open[name] = created
}

// readRegistry reads what was added to the log of the registry.
func (l *lagging) readRegistry() {
	l.t.Helper()
	content, err := os.ReadFile(filepath.Join(l.setup.Dir, "data", "registry", "filebeat", "log.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	require.NoError(l.t, err)
	whole := bytes.LastIndexByte(content, '\n') + 1
	for line := range strings.Lines(string(content[l.readTo:whole])) {
		var change struct {
			Key   string `json:"k"`
			Value *struct {
				Cursor struct {
					Offset int64 `json:"offset"`
				} `json:"cursor"`
			} `json:"v"`
		}
		require.NoError(l.t, json.Unmarshal([]byte(line), &change))
		if change.Value == nil {
			continue
		}
		for _, f := range l.files {
			if strings.HasSuffix(change.Key, f.key) {
				f.awaiting = f.awaiting && change.Value.Cursor.Offset >= l.registry[f.key]
				l.registry[f.key] = change.Value.Cursor.Offset
			}
		}
	}
	l.readTo = whole
}

func (l *lagging) look() {
	l.t.Helper()
	l.readRegistry()
	now := time.Now()
	for _, f := range l.files {
		info, err := f.file.Stat()
		require.NoError(l.t, err)
		seen := truth{at: now, file: f, size: info.Size(), confirmed: l.registry[f.key]}
		if f.awaiting {
			seen.confirmed = 0
		}
		l.truths = append(l.truths, seen)
	}
}

// compare requires that the metrics are right for a time within the last second: what is
// behind is at least the smallest size without the farthest place, at most the largest
// size without the first place.
func (l *lagging) compare() {
	l.t.Helper()
	begun := time.Now()
	bytes, largest, files := l.stat("bytes"), l.stat("largest_bytes"), l.stat("files")
	time.Sleep(registryLate)
	l.look()
	type extent struct{ smallest, largest, first, farthest int64 }
	seen := map[*lagged]extent{}
	for _, known := range l.truths {
		if known.at.Before(begun.Add(-lagTolerance)) {
			continue
		}
		e, again := seen[known.file]
		if !again {
			e = extent{known.size, known.size, known.confirmed, known.confirmed}
		}
		seen[known.file] = extent{
			min(e.smallest, known.size), max(e.largest, known.size),
			min(e.first, known.confirmed), max(e.farthest, known.confirmed),
		}
	}
	var lowest, highest struct{ bytes, largest, files int64 }
	for _, e := range seen {
		least, most := max(0, e.smallest-e.farthest), max(0, e.largest-e.first)
		lowest.bytes, highest.bytes = lowest.bytes+least, highest.bytes+most
		lowest.largest, highest.largest = max(lowest.largest, least), max(highest.largest, most)
		lowest.files, highest.files = lowest.files+min(least, 1), highest.files+min(most, 1)
	}
	within := func(name string, value, lowest, highest int64) {
		l.t.Helper()
		require.Truef(l.t, lowest <= value && value <= highest, "%s is %d, and was between %d and %d within the last second", name, value, lowest, highest)
	}
	within("bytes", bytes, lowest.bytes, highest.bytes)
	within("largest_bytes", largest, lowest.largest, highest.largest)
	within("files", files, lowest.files, highest.files)
	l.compared++
}

// behind returns the bytes behind of the files that the registry follows, as they were last
// seen.
func (l *lagging) behind() (bytes int64) {
	for _, known := range l.truths[len(l.truths)-len(l.files):] {
		if !known.file.unknown {
			bytes += max(0, known.size-known.confirmed)
		}
	}
	return bytes
}

func (l *lagging) stat(name string) int64 {
	return int64(l.filebeat.Stat("libbeat.output.websocket.lag." + name))
}

// spend writes into the files and compares for a while.
func (l *lagging) spend(d time.Duration) {
	l.t.Helper()
	const step, each = 100 * time.Millisecond, 50
	i := 0
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(step) {
		for _, f := range l.open {
			require.NoError(l.t, beattest.WriteLines(f.file, l.seq+1, l.seq+each))
			l.seq += each
		}
		l.look()
		if i++; i%3 == 0 && !l.settling {
			l.compare()
		}
	}
}

func TestTheLagIsRightWithinASecond(t *testing.T) {
	const stallAt = 8_000
	stalled := wstest.Start(t, wstest.WithFaults(wstest.Fault{StopReadingAtMessage: stallAt}))
	setup := beattest.Setup{
		Dir:    t.TempDir(),
		Output: output(stalled.URL(), "\n  batch_size: 200"),
		Inputs: "",
		Extra:  "queue.mem: {events: 600, flush.min_events: 200, flush.timeout: 100ms}",
	}
	setup.Inputs = fmt.Sprintf(`
filebeat.inputs:
  - type: filestream
    id: lines
    paths: ["%s/logs/*.log"]
    prospector.scanner.check_interval: 1s
    prospector.scanner.fingerprint.enabled: false
    file_identity.native: ~
    close.on_state_change.removed: false
    backoff.init: 100ms
    backoff.max: 300ms`, setup.Dir)
	l := &lagging{t: t, setup: setup, open: map[string]*lagged{}, registry: map[string]int64{}}
	for _, name := range []string{"rotated.log", "truncated.log", "deleted.log"} {
		l.create(name)
	}
	for _, f := range l.open {
		require.NoError(t, beattest.WriteLines(f.file, 1, 1))
	}
	l.filebeat = beattest.StartFilebeat(t, setup)

	beattest.Eventually(t, patience, "all files are known", func() bool {
		l.readRegistry()
		return len(l.registry) == len(l.files)
	})
	time.Sleep(lagTolerance)
	l.spend(3 * time.Second)
	beattest.Eventually(t, patience, "the server has stopped reading", func() bool {
		l.spend(300 * time.Millisecond)
		return stalled.Counts().Messages >= stallAt
	})
	stall := time.Now()
	l.spend(2 * time.Second)
	require.NoError(t, os.Rename(setup.LogFile("rotated.log"), setup.LogFile("rotated.log.1")))
	l.open["rotated.log"].unknown = true
	l.create("rotated.log")
	l.spend(2 * time.Second)
	truncated := l.open["truncated.log"]
	l.look()
	require.NoError(t, truncated.file.Truncate(0))
	truncated.awaiting, truncated.unknown = true, true
	l.look()
	l.spend(2 * time.Second)
	require.NoError(t, os.Remove(setup.LogFile("deleted.log")))
	l.open["deleted.log"].unknown = true
	delete(l.open, "deleted.log")
	l.spend(2 * time.Second)
	require.InDelta(t, time.Since(stall).Seconds(), float64(l.stat("seconds")), 2, "the age of the oldest event")

	l.settling = true
	addr := stalled.Addr()
	stalled.Kill()
	wstest.Start(t, wstest.WithAddr(addr))
	l.spend(3 * time.Second)
	l.open = nil
	beattest.Eventually(t, patience, "everything is confirmed", func() bool {
		l.spend(300 * time.Millisecond)
		return l.behind() == 0
	})
	time.Sleep(2 * lagTolerance)
	require.Zero(t, l.stat("bytes"))
	require.Zero(t, l.stat("files"))
	require.Zero(t, l.stat("seconds"))
	require.Greater(t, l.compared, 30)
	require.Zero(t, l.filebeat.Stop())
}
