// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/protocol"
	"filebeat-websocket/testing/beattest"
	"filebeat-websocket/testing/wstest"
)

// lagTolerance is how late a metric may be.
const lagTolerance = time.Second

// lagged is a log file that filebeat reads, whatever its name is by now.
type lagged struct {
	file      *os.File
	lines     []int // the numbers of its lines, without those of a content that is gone
	confirmed int   // so many of them, from the first on, are confirmed
}

// lagging compares the metrics of a filebeat with the sizes of the files, and with what
// servers have confirmed.
type lagging struct {
	t        *testing.T
	setup    beattest.Setup
	filebeat *beattest.Filebeat
	servers  []*confirming
	files    []*lagged
	open     map[string]*lagged // by name, those that are written
	seq      int

	confirmed map[int]lifetime // by number of the line
	truths    []truth
	ages      []age
}

// lifetime is when a line was read, and when it was seen to be confirmed first.
type lifetime struct{ read, confirmed time.Time }

// age is what the metric said at a time.
type age struct {
	at    time.Time
	value int64 // seconds, cut
}

// confirming is a server and what of it was looked at.
type confirming struct {
	*wstest.Server
	records  int
	messages map[int][][]byte // by connection
	acked    map[int]int      // by connection, so many messages
}

// drainedSlowly makes the drain last several seconds.
var drainedSlowly = wstest.Fault{SlowRead: 2 << 20}

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
	created := &lagged{file: file}
	l.files = append(l.files, created)
	l.open[name] = created
	l.look() // empty: a metric may not know it for a second
}

func (l *lagging) write(f *lagged, lines int) {
	l.t.Helper()
	for range lines {
		l.seq++
		f.lines = append(f.lines, l.seq)
	}
	require.NoError(l.t, beattest.WriteLines(f.file, l.seq-lines+1, l.seq))
}

func (l *lagging) start(options ...wstest.Option) *wstest.Server {
	server := wstest.Start(l.t, append(options, wstest.KeepRecords(), wstest.WithSubprotocols(protocol.Subprotocol))...)
	l.servers = append(l.servers, &confirming{Server: server, messages: map[int][][]byte{}, acked: map[int]int{}})
	return server
}

// confirm takes in what the servers have confirmed. A message is a batch: an output
// that had half of one confirmed does not go on.
func (l *lagging) confirm() {
	l.t.Helper()
	now := time.Now()
	for _, server := range l.servers {
		conns := server.Conns() // before the records: all that are acked are among those
		records := server.Records()
		for _, record := range records[server.records:] {
			server.messages[record.Conn] = append(server.messages[record.Conn], record.Data)
		}
		server.records = len(records)
		for _, conn := range conns {
			for ; server.acked[conn.Conn] < conn.Acked; server.acked[conn.Conn]++ {
				message := server.messages[conn.Conn][server.acked[conn.Conn]]
				for _, match := range readAt.FindAllSubmatch(message, -1) {
					l.count(now, string(match[1]), string(match[2]))
				}
			}
		}
	}
	for _, f := range l.files {
		for f.confirmed < len(f.lines) && !l.confirmed[f.lines[f.confirmed]].confirmed.IsZero() {
			f.confirmed++
		}
	}
}

// readAt matches a record, with the time at which filebeat read its line.
var readAt = regexp.MustCompile(`"@timestamp":"([^"]+)".*seq=(\d+) `)

func (l *lagging) count(now time.Time, timestamp, number string) {
	l.t.Helper()
	seq, err := strconv.Atoi(number)
	require.NoError(l.t, err)
	if _, again := l.confirmed[seq]; again {
		return
	}
	read, err := time.Parse(time.RFC3339, timestamp)
	require.NoError(l.t, err)
	l.confirmed[seq] = lifetime{read, now}
}

// compareAges requires that the ages were right within a second, once it is known when each
// line was read.
func (l *lagging) compareAges() {
	l.t.Helper()
	oldest := func(at time.Time) (seconds float64) {
		for _, line := range l.confirmed {
			if !line.read.After(at) && line.confirmed.After(at) {
				seconds = max(seconds, at.Sub(line.read).Seconds())
			}
		}
		return seconds
	}
	tolerance := lagTolerance.Seconds()
	for _, said := range l.ages {
		lowest, highest := oldest(said.at), 0.0
		for earlier := time.Duration(0); earlier <= lagTolerance; earlier += lagTolerance / 10 {
			was := oldest(said.at.Add(-earlier))
			lowest, highest = min(lowest, was), max(highest, was)
		}
		require.Truef(l.t, lowest-tolerance <= float64(said.value+1) && float64(said.value) <= highest+tolerance,
			"the age is %d s, and was between %.3f and %.3f within the last second", said.value, lowest, highest)
	}
}

func (l *lagging) look() {
	l.t.Helper()
	l.confirm()
	now := time.Now()
	for _, f := range l.files {
		info, err := f.file.Stat()
		require.NoError(l.t, err)
		l.truths = append(l.truths, truth{at: now, file: f, size: info.Size(), confirmed: int64(f.confirmed) * (beattest.LineBytes + 1)})
	}
}

// compare requires that the metrics are right for a time within the last second: what is
// behind is at least the smallest size without the farthest place, at most the largest
// size without the first place.
func (l *lagging) compare() {
	l.t.Helper()
	begun := time.Now()
	l.ages = append(l.ages, age{begun, l.stat("seconds")})
	bytes, largest, files := l.stat("bytes"), l.stat("largest_bytes"), l.stat("files")
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
}

// behind returns the bytes behind, as they were last seen.
func (l *lagging) behind() (bytes int64) {
	for _, known := range l.truths[len(l.truths)-len(l.files):] {
		bytes += known.size - known.confirmed
	}
	return bytes
}

// stat returns a metric, cut to a whole number.
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
			l.write(f, each)
		}
		l.look()
		if i++; i%3 == 0 {
			l.compare()
		}
	}
}

func TestTheLagIsRightWithinASecond(t *testing.T) {
	const stallAt = 50 // messages
	l := &lagging{t: t, open: map[string]*lagged{}, confirmed: map[int]lifetime{}}
	stalled := l.start(wstest.WithFaults(wstest.Fault{StopReadingAtMessage: stallAt}))
	setup := beattest.Setup{
		Dir:    t.TempDir(),
		Output: output(stalled.URL(), "\n  format: json_lines\n  ack: message\n  batch_size: 200"),
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
	l.setup = setup
	for _, name := range []string{"rotated.log", "truncated.log", "deleted.log"} {
		l.create(name)
	}
	for _, f := range l.open {
		l.write(f, 1)
	}
	l.filebeat = beattest.StartFilebeat(t, setup)
	beattest.Eventually(t, patience, "all files are known", func() bool {
		l.look()
		return l.behind() == 0
	})
	time.Sleep(lagTolerance)
	l.spend(3 * time.Second)
	beattest.Eventually(t, patience, "the server has stopped reading", func() bool {
		l.spend(300 * time.Millisecond)
		return stalled.Counts().Messages >= stallAt
	})
	l.spend(2 * time.Second)
	require.NoError(t, os.Rename(setup.LogFile("rotated.log"), setup.LogFile("rotated.log.1")))
	l.create("rotated.log")
	l.spend(2 * time.Second)
	truncated := l.open["truncated.log"]
	l.look()
	require.NoError(t, truncated.file.Truncate(0))
	truncated.lines, truncated.confirmed = nil, 0
	l.look()
	l.spend(2 * time.Second)
	require.NoError(t, os.Remove(setup.LogFile("deleted.log")))
	delete(l.open, "deleted.log")
	l.spend(2 * time.Second)

	addr := stalled.Addr()
	stalled.Kill()
	l.start(wstest.WithAddr(addr), wstest.WithFaults(drainedSlowly, drainedSlowly, drainedSlowly))
	begun, before := time.Now(), len(l.ages)
	l.spend(3 * time.Second)
	l.open = nil
	beattest.Eventually(t, patience, "everything is confirmed", func() bool {
		l.spend(300 * time.Millisecond)
		return l.behind() == 0
	})
	t.Logf("drained in %v, compared %d times meanwhile, %d times in all", time.Since(begun).Round(time.Second), len(l.ages)-before, len(l.ages))
	l.spend(2 * lagTolerance)
	require.Zero(t, l.stat("bytes"))
	require.Zero(t, l.stat("files"))
	require.Zero(t, l.stat("seconds"))
	l.compareAges()
	require.Zero(t, l.filebeat.Stop())
}
