// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
)

// idPatience is how long something has to happen that waits for filestream's scans,
// which are a second apart.
const idPatience = 30 * time.Second

func TestFilebeatKilledThreeTimesKeepsEachLineOnce(t *testing.T) {
	const lines = 100_000
	receiver := beattest.StartReceiver(t, "--dedup", "1000000")
	setup := beattest.Setup{
		Dir: t.TempDir(), Output: output(receiver.URL(), ""),
		Extra: "queue.mem: {events: 12800, flush.min_events: 1600, flush.timeout: 100ms}",
	}
	beattest.AppendLines(t, setup.LogFile("a.log"), 1, lines)
	for range 3 {
		killOnTheWay(t, setup, receiver, lines)
	}
	beattest.StartFilebeat(t, setup)
	eachOnce(t, receiver, lines)
}

// A disk queue brings back lines of the killed Filebeat, and behind them those that
// the next one has read again. It is known where that one began, but not where one
// before it did: so the queue is sent before the next kill.
func TestFilebeatKilledWithADiskQueueKeepsEachLineOnce(t *testing.T) {
	t.Parallel()
	const lines = 50_000
	receiver := beattest.StartReceiver(t, "--dedup", "1000000")
	setup := beattest.Setup{Dir: t.TempDir(), Output: output(receiver.URL(), ""), Extra: "queue.disk.max_size: 1GiB"}
	for round := range 3 {
		beattest.AppendLines(t, setup.LogFile("a.log"), round*lines+1, (round+1)*lines)
		killOnTheWay(t, setup, receiver, (round+1)*lines)
		filebeat := beattest.StartFilebeat(t, setup)
		eachOnce(t, receiver, (round+1)*lines)
		require.Zero(t, filebeat.Stop())
	}
}

// killOnTheWay kills a filebeat that has sent some 5 MB, which are not all lines.
func killOnTheWay(t *testing.T, setup beattest.Setup, receiver *beattest.Receiver, lines int) {
	t.Helper()
	filebeat := beattest.StartFilebeat(t, setup)
	enough := receiver.Size() + 5<<20
	beattest.Eventually(t, idPatience, "a part arrives", func() bool { return receiver.Size() > enough })
	filebeat.Kill()
	require.Less(t, len(receiver.Numbers()), lines, "filebeat was killed too late for this test")
}

// eachOnce waits for all lines and requires that none is there twice.
func eachOnce(t *testing.T, receiver *beattest.Receiver, lines int) {
	t.Helper()
	beattest.Eventually(t, time.Minute, "every line arrives", func() bool { return len(receiver.Numbers()) == lines })
	for number, times := range receiver.Numbers() {
		require.Equal(t, 1, times, "line %d", number)
	}
}

// idRun is a filebeat that reads files, and a receiver that keeps every record.
type idRun struct {
	t        *testing.T
	setup    beattest.Setup
	receiver *beattest.Receiver
	filebeat *beattest.Filebeat
}

// receivedRecord is a record that the server got.
type receivedRecord struct {
	ID      string
	Message string
}

func startIDRun(t *testing.T, input, extra string) *idRun {
	t.Helper()
	r := &idRun{t: t, receiver: beattest.StartReceiver(t, "--dedup", "0")}
	r.setup = beattest.Setup{Dir: t.TempDir(), Output: output(r.receiver.URL(), ""), Input: input, Extra: extra}
	require.NoError(t, os.MkdirAll(filepath.Dir(r.setup.LogFile("a.log")), 0o700))
	return r
}

func (r *idRun) start() { r.filebeat = beattest.StartFilebeat(r.t, r.setup) }

// remember returns a function that takes the registry back to now: then the next
// filebeat reads again what was confirmed since, as after a kill.
func (r *idRun) remember() (forget func()) {
	registry := filepath.Join(r.setup.Dir, "data", "registry", "filebeat")
	content, err := os.ReadFile(filepath.Join(registry, "log.json"))
	require.NoError(r.t, err)
	return func() {
		require.NoError(r.t, os.WriteFile(filepath.Join(registry, "log.json"), content, 0o600))
	}
}

// registryHas reports whether the registry's log has that text.
func (r *idRun) registryHas(text string) bool {
	log, err := os.ReadFile(filepath.Join(r.setup.Dir, "data", "registry", "filebeat", "log.json"))
	return err == nil && bytes.Contains(log, []byte(text))
}

func (r *idRun) removeLog() { require.NoError(r.t, os.Remove(r.setup.LogFile("a.log"))) }

// write writes text to a file, and truncates it before, so that its inode stays.
func (r *idRun) write(name, text string) {
	require.NoError(r.t, os.WriteFile(r.setup.LogFile(name), []byte(text), 0o600))
}

func (r *idRun) append(name, text string) {
	file, err := os.OpenFile(r.setup.LogFile(name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	require.NoError(r.t, err)
	_, err = file.WriteString(text)
	require.NoError(r.t, err)
	require.NoError(r.t, file.Close())
}

// records returns all records, once there are so many and they are in the registry.
func (r *idRun) records(number int) (all []receivedRecord) {
	r.t.Helper()
	beattest.Eventually(r.t, idPatience, fmt.Sprintf("%d records arrive", number), func() bool {
		all = nil
		content, err := os.ReadFile(r.receiver.File)
		if err != nil {
			return false
		}
		for record := range bytes.Lines(content) {
			var one struct {
				Metadata struct {
					ID string `json:"_id"`
				} `json:"@metadata"`
				Message string `json:"message"`
			}
			if json.Unmarshal(record, &one) == nil {
				all = append(all, receivedRecord{ID: one.Metadata.ID, Message: one.Message})
			}
		}
		return len(all) >= number
	})
	require.Len(r.t, all, number)
	for _, record := range all {
		require.Len(r.t, record.ID, 22, record.Message)
	}
	return all
}

// distinctIDs requires that no two records have one id.
func distinctIDs(t *testing.T, all []receivedRecord) {
	t.Helper()
	seen := map[string]bool{}
	for _, record := range all {
		require.False(t, seen[record.ID], "%q has the id of another", record.Message)
		seen[record.ID] = true
	}
}

// numbered returns lines that are as long as a fingerprint and more.
func numbered(first, last int) string {
	var text strings.Builder
	for i := first; i <= last; i++ {
		fmt.Fprintf(&text, "%06d %s\n", i, strings.Repeat("x", 250))
	}
	return text.String()
}

// Each case is read twice: some lines, a kill after which the registry knows only of
// the first ones, and the rest again. What is read again has to have its id.
func TestIDsOfRealFiles(t *testing.T) {
	const fingerprint = 10 // lines that a file begins with
	container := func(first, last int) string {
		var text strings.Builder
		for i := first; i <= last; i++ {
			at := time.Unix(int64(i), 0).UTC().Format(time.RFC3339Nano)
			fmt.Fprintf(&text, "%s stdout P %06d %s\n%s stdout F end\n", at, i, strings.Repeat("x", 250), at)
		}
		return text.String()
	}
	ndjson := func(first, last int) string {
		var text strings.Builder
		for i := first; i <= last; i++ {
			fmt.Fprintf(&text, `{"n":%d,"same":"%s"}`+"\n", i%1000, strings.Repeat("x", 250))
		}
		return text.String()
	}
	multiline := func(first, last int) string {
		return strings.ReplaceAll(numbered(first, last), " xx", "\n  xx")
	}
	for name, test := range map[string]struct {
		input string
		extra string
		text  func(first, last int) string
		begin func(r *idRun) // before the first lines
		begun int            // lines that it writes
		mid   func(r *idRun) // between kill and start
		more  int            // further lines, which it writes or the queue brings back
	}{
		"lines":     {text: numbered},
		"ndjson":    {text: ndjson, input: "    parsers: [{ndjson: {target: j}}]"},
		"container": {text: container, input: "    parsers: [{container: {}}]"},
		"multiline": {text: multiline, input: "    parsers: [{multiline: {type: pattern, pattern: '^ ', negate: false, match: after, timeout: 500ms}}]"},
		"rotation by rename": {text: numbered, mid: func(r *idRun) {
			require.NoError(r.t, os.Rename(r.setup.LogFile("a.log"), r.setup.LogFile("b.log")))
			r.write("a.log", numbered(1001, 1000+fingerprint))
		}, more: fingerprint},
		"a symlink, whose file is renamed": {text: numbered, input: "    prospector.scanner.symlinks: true\n    clean_removed: false", begin: func(r *idRun) {
			require.NoError(r.t, os.Symlink(r.setup.LogFile("real"), r.setup.LogFile("a.log")))
		}, mid: func(r *idRun) {
			require.NoError(r.t, os.Rename(r.setup.LogFile("real"), r.setup.LogFile("moved")))
			require.NoError(r.t, os.Remove(r.setup.LogFile("a.log")))
			require.NoError(r.t, os.Symlink(r.setup.LogFile("moved"), r.setup.LogFile("b.log")))
		}},
		"a file that was shorter than a fingerprint": {text: numbered, begin: func(r *idRun) {
			r.append("a.log", numbered(1, 2))
			r.start()
			time.Sleep(time.Second) // until it is seen
		}, begun: 2},
		"some lines do not pass": {text: func(first, last int) string {
			return numbered(2*first-1, 2*last)
		}, input: "    parsers: [{include_message: {patterns: ['^[0-9]+[02468] ']}}]"},
		"a processor changes the line": {
			text:  numbered,
			input: "    processors: [{replace: {fields: [{field: message, pattern: x+, replacement: y}]}}]",
		},
		"disk queue": {text: numbered, extra: "queue.disk.max_size: 100MB", more: fingerprint},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := startIDRun(t, test.input, test.extra)
			if test.begin != nil {
				test.begin(r)
			}
			r.append("a.log", test.text(1+test.begun, fingerprint))
			if r.filebeat == nil {
				r.start()
			}
			r.records(fingerprint)
			r.filebeat.AwaitEvents(idPatience, fingerprint, 0) // or a disk queue sends them again
			require.Zero(t, r.filebeat.Stop())
			forget := r.remember()
			r.append("a.log", test.text(fingerprint+1, 2*fingerprint))
			r.start()
			first := r.records(2 * fingerprint)
			distinctIDs(t, first)
			r.filebeat.Kill()
			forget()
			if test.mid != nil {
				test.mid(r)
			}
			r.start()
			again := r.records(3*fingerprint + test.more)[2*fingerprint:]
			require.Subset(t, again, first[fingerprint:])
			for _, record := range again {
				require.True(t, slices.Contains(first, record) || strings.HasPrefix(record.Message, "001"), "%q has another id", record.Message)
			}
			require.Zero(t, r.filebeat.Stop())
			require.NoFileExists(t, filepath.Join(r.setup.Dir, "data", "event_generations.json.new"))
		})
	}

	for name, stopped := range map[string]bool{"copytruncate": false, "copytruncate while stopped": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := startIDRun(t, "", "")
			r.write("a.log", numbered(1, 20))
			r.start()
			r.records(20)
			if stopped {
				require.Zero(t, r.filebeat.Stop())
			}
			r.write("a.log", numbered(1, fingerprint)) // the same lines in the same places
			if stopped {
				r.start()
			}
			distinctIDs(t, r.records(20+fingerprint))
			require.Zero(t, r.filebeat.Stop())
			forget := r.remember()
			r.append("a.log", numbered(fingerprint+1, 20))
			r.start()
			first := r.records(40)
			distinctIDs(t, first)
			r.filebeat.Kill()
			forget()
			r.start()
			require.Equal(t, first[30:], r.records(50)[40:], "the generation is kept over restarts")
		})
	}
}

// What Filebeat reads as another line has another id, also where it has read the same text
// in the same place before.
func TestIDsOfOtherLinesDiffer(t *testing.T) {
	const fingerprint = 10 // lines that a file begins with

	// The server is away and the queue full, so that no line behind the truncation is read.
	t.Run("killed after it found a truncation", func(t *testing.T) {
		t.Parallel()
		r := startIDRun(t, "    backoff: {init: 50ms, max: 50ms}", "queue.mem: {events: 32, flush.min_events: 32, flush.timeout: 50ms}")
		r.write("a.log", numbered(1, 20))
		r.start()
		first := r.records(20)
		r.receiver.Kill()
		r.append("a.log", numbered(21, 200))
		beattest.Eventually(t, idPatience, "the queue is full", func() bool { return r.filebeat.Stat("libbeat.pipeline.queue.filled.events") >= 32 })
		r.write("a.log", numbered(1, fingerprint)) // the same lines in the same places
		beattest.Eventually(t, idPatience, "Filebeat has found the truncation", func() bool { return r.registryHas(`"cursor":{"offset":0}`) })
		r.filebeat.Kill()
		r.receiver.Start()
		r.start()
		distinctIDs(t, r.records(len(first)+fingerprint))
	})

	for name, test := range map[string]struct {
		input   string
		forget  func(r *idRun)
		stopped bool
	}{
		"clean_removed":                 {forget: (*idRun).removeLog},
		"clean_removed, then a restart": {forget: (*idRun).removeLog, stopped: true},
		"clean_inactive":                {input: "    ignore_older: 3s\n    clean_inactive: 5s", forget: func(*idRun) {}},
	} {
		t.Run(name+" and the same file again", func(t *testing.T) {
			t.Parallel()
			r := startIDRun(t, test.input+"\n    close.on_state_change.check_interval: 100ms\n    close.on_state_change.inactive: 500ms",
				"filebeat.registry.cleanup_interval: 100ms\nqueue.mem.flush.timeout: 100ms")
			r.start()
			beattest.Eventually(t, idPatience, "Filebeat has started", func() bool { return r.filebeat.Stat("beat.info.uptime.ms") > 0 })
			r.write("a.log", numbered(1, fingerprint))
			first := r.records(fingerprint)
			test.forget(r)
			// Filebeat logs at debug level only that it forgot the file; the registry says it.
			beattest.Eventually(t, idPatience, "the file is forgotten", func() bool { return r.registryHas(`"op":"remove"`) })
			if test.stopped {
				require.Zero(t, r.filebeat.Stop())
				r.start()
			}
			r.write("a.log", numbered(1, fingerprint)+numbered(100, 100))
			all := r.records(2*fingerprint + 1)
			if test.stopped {
				require.Equal(t, first, all[fingerprint:2*fingerprint], "nobody remembers it")
				return
			}
			distinctIDs(t, all)
		})
	}

	// Filebeat takes both for one file, and what it reads of the second for what comes
	// behind the first.
	for name, second := range map[string]string{
		"a longer file that begins like the one before":  numbered(1, fingerprint) + numbered(101, 115),
		"a shorter file that begins like the one before": numbered(1, fingerprint),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := startIDRun(t, "    clean_removed: false", "")
			r.write("a.log", numbered(1, 20))
			r.start()
			r.records(20)
			require.Zero(t, r.filebeat.Stop())
			require.NoError(t, os.Remove(r.setup.LogFile("a.log")))
			r.write("b.log", second)
			r.start()
			more := 5 // beyond the length of the first
			if len(second) < 20*len(numbered(1, 1)) {
				more = fingerprint
			}
			distinctIDs(t, r.records(20+more))
		})
	}

	t.Run("rewritten in place behind the same beginning", func(t *testing.T) {
		t.Parallel()
		r := startIDRun(t, "", "")
		r.write("a.log", numbered(1, fingerprint))
		r.start()
		r.records(fingerprint)
		require.Zero(t, r.filebeat.Stop())
		forget := r.remember()
		r.append("a.log", numbered(fingerprint+1, 20))
		r.start()
		r.records(20)
		r.filebeat.Kill()
		forget()
		r.write("a.log", numbered(1, fingerprint)+numbered(101, 110)) // in the places of the killed one's
		r.start()
		distinctIDs(t, r.records(30))
	})

	// Filebeat forgets a file whose name is gone when it starts (clean_removed).
	for name, replaced := range map[string]bool{
		"renamed while stopped, and nothing has the name":                false,
		"another file with the same beginning, and nothing has the name": true,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := startIDRun(t, "", "")
			r.write("a.log", numbered(1, fingerprint))
			r.start()
			first := r.records(fingerprint)
			require.Zero(t, r.filebeat.Stop())
			require.NoError(t, os.Rename(r.setup.LogFile("a.log"), r.setup.LogFile("b.log")))
			if replaced {
				r.write("c.log", numbered(1, fingerprint)+numbered(101, 110))
				require.NoError(t, os.Remove(r.setup.LogFile("b.log")))
				r.start()
				distinctIDs(t, r.records(3*fingerprint))
				return
			}
			r.append("b.log", numbered(101, 101))
			r.start()
			all := r.records(2*fingerprint + 1)
			require.Equal(t, first, all[fingerprint:2*fingerprint], "Filebeat reads the file from its beginning")
		})
	}

	t.Run("another file on the same inode", func(t *testing.T) {
		t.Parallel()
		r := startIDRun(t, "", "")
		r.write("a.log", numbered(1, fingerprint))
		r.start()
		r.records(fingerprint)
		r.write("a.log", numbered(101, 101)+numbered(2, fingerprint)) // all but the first line is as before
		distinctIDs(t, r.records(2*fingerprint))
	})

	t.Run("two inputs read one file", func(t *testing.T) {
		t.Parallel()
		r := startIDRun(t, "", "")
		r.setup.Input = fmt.Sprintf(`
  - type: filestream
    id: more
    paths: ["%s/logs/*.log"]
    prospector.scanner.check_interval: 1s
    prospector.scanner.fingerprint.enabled: true
    file_identity.fingerprint: ~`, r.setup.Dir)
		r.write("a.log", numbered(1, fingerprint))
		r.start()
		distinctIDs(t, r.records(2*fingerprint))
	})
}
