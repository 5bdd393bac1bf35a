// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
)

var (
	onceLong   = flag.Bool("once-long", false, "run each row of the table of once in all formats, and the stops 50 times")
	onceTable  = flag.String("once-table", "", "a file to write the table of once to, as Markdown")
	onceRounds = flag.Int("once-rounds", 4, "how often the fault of a row of the table of once happens")
)

// onceRow is a fault after which each line has to be in the output of wsreceiver once:
// none missing, none twice.
type onceRow struct {
	name     string
	output   string // more settings of the output; HOST is the receiver's host and port
	queue    string // settings of the queue, a memory queue with a short flush if empty
	isFolder bool   // the receiver rotates its files
	times    int    // if set, how often the fault happens with -once-long
	cut      int    // if set, the first connection is cut after as many bytes, each next one after as many more
	fault    func(*onceRun)

	// What stands in place of wsreceiver or between it and Filebeat.
	holdAfter string                            // a heldReceiver that stops at that moment
	holdsAcks bool                              // an ackHolder
	mount     func(run *onceRun, folder string) // gives wsreceiver a disk of its own
}

type onceRun struct {
	t        *testing.T
	setup    beattest.Setup
	filebeat *beattest.Filebeat
	receiver *beattest.Receiver
	acks     *ackHolder // nil without onceRow.holdsAcks

	lines, last int // how many are written at once, and were written
	renames     int // of the file
}

// write writes more lines.
func (run *onceRun) write() {
	beattest.AppendLines(run.t, run.setup.LogFile("a.log"), run.last+1, run.last+run.lines)
	run.last += run.lines
}

func (run *onceRun) killReceiver()  { run.receiver.Kill() }
func (run *onceRun) startReceiver() { run.receiver.Start() }
func (run *onceRun) killFilebeat()  { run.filebeat.Kill() }
func (run *onceRun) startFilebeat() { run.filebeat = beattest.StartFilebeat(run.t, run.setup) }

func (run *onceRun) restartReceiver() {
	run.killReceiver()
	run.startReceiver()
}

var onceRows = []onceRow{
	{name: "the server is killed", fault: (*onceRun).restartReceiver},
	{name: "Filebeat is killed", fault: func(run *onceRun) {
		run.killFilebeat()
		run.startFilebeat()
	}},
	{name: "both are killed, the server first", fault: func(run *onceRun) {
		run.killReceiver()
		run.killFilebeat()
		run.startReceiver()
		run.startFilebeat()
	}},
	{name: "both are killed, Filebeat first", fault: func(run *onceRun) {
		run.killFilebeat()
		run.killReceiver()
		run.startFilebeat()
		run.startReceiver()
	}},
	// Small batches, so that one of them gets through soon.
	{name: "the connection is cut after each 97th byte", cut: 97, output: "  batch_size: 10\n  backoff: {init: 10ms, max: 20ms}\n"},
	{name: "both are killed while the server's files rotate", isFolder: true, fault: func(run *onceRun) {
		run.killFilebeat()
		run.restartReceiver()
		run.startFilebeat()
	}},
	{name: "the server is killed, with a disk queue", queue: "queue.disk.max_size: 1GiB", fault: (*onceRun).restartReceiver},
	{name: "the server is killed, with ttl", output: "  ttl: 300ms\n", fault: (*onceRun).restartReceiver},
	{
		name:   "the server is killed, with two names of it",
		output: "  hosts: [\"ws://HOST/ingest\", \"ws://127.0.0.2:PORT/ingest\"]\n  loadbalance: false\n", fault: (*onceRun).restartReceiver,
	},
	{name: "Filebeat is stopped and started", times: 50, fault: func(run *onceRun) {
		require.Zero(run.t, run.filebeat.Stop())
		run.startFilebeat()
	}},
	{name: "Filebeat is killed, and its file renamed meanwhile", fault: func(run *onceRun) {
		run.killFilebeat()
		run.renames++
		require.NoError(run.t, os.Rename(run.setup.LogFile("a.log"), run.setup.LogFile(fmt.Sprintf("a-%d.log", run.renames))))
		run.write()
		run.startFilebeat()
	}},
	{name: "the server is stopped and started", times: 50, fault: func(run *onceRun) {
		require.Zero(run.t, run.receiver.Stop())
		run.startReceiver()
	}},
}

// onceOutcome is a line of the table in the docs.
type onceOutcome struct {
	name, ack, format               string
	written, stored, missing, twice int
}

func (o onceOutcome) String() string {
	return fmt.Sprintf("| %s | %s | %s | %d | %d | %d | %d |", o.name, o.ack, o.format, o.written, o.stored, o.missing, o.twice)
}

const onceHead = "| fault | ack | format | written | stored | missing | twice |\n|---|---|---|--:|--:|--:|--:|\n"

func TestOnceTable(t *testing.T) {
	printed := table{head: onceHead}
	t.Run("rows", func(t *testing.T) { runOnceRows(t, &printed) })
	printed.print(t, *onceTable)
}

func runOnceRows(t *testing.T, printed *table) {
	t.Helper()
	formats := []string{"json", "json_lines", "msgpack"}
	for number, r := range slices.Concat(onceRows, momentRows) {
		for shift, ack := range []string{"ping", "message"} {
			run := formats
			if !*onceLong {
				at := (number + shift) % len(formats)
				run = formats[at : at+1]
			}
			for _, format := range run {
				t.Run(fmt.Sprintf("%s, ack %s, %s", r.name, ack, format), func(t *testing.T) {
					t.Parallel()
					printed.add(number, r.run(t, ack, format))
				})
			}
		}
	}
}

// oncePatience is how long lines have to arrive over connections that are cut all the time.
const oncePatience = 5 * time.Minute

// onceLines are written in each round, and one more time behind the last one.
const onceLines = 3000

func (r onceRow) run(t *testing.T, ack, format string) onceOutcome {
	run := &onceRun{t: t, setup: beattest.Setup{Dir: t.TempDir(), Extra: r.queue, Input: "    backoff: {init: 50ms, max: 50ms}\n"}}
	if r.queue == "" {
		run.setup.Extra = "queue.mem: {events: 6400, flush.min_events: 400, flush.timeout: 50ms}"
	}
	var flags []string
	out := ""
	if r.isFolder {
		out = filepath.Join(t.TempDir(), "records")
		flags = []string{"--out", out + "/", "--rotate-bytes", "1MiB"}
	}
	if strings.Contains(r.output, "127.0.0.2") {
		flags = append(flags, "--listen", "0.0.0.0:0", "--insecure")
	}
	folder := t.TempDir()
	if r.mount != nil {
		r.mount(run, folder)
	}
	if r.holdAfter != "" {
		run.receiver = startHeldReceiver(t, r.holdAfter)
	} else {
		run.receiver = beattest.StartReceiverIn(t, folder, flags...)
	}
	if out != "" {
		run.receiver.File = out
	}
	host := strings.TrimSuffix(strings.TrimPrefix(run.receiver.URL(), "ws://"), "/ingest")
	_, port, err := net.SplitHostPort(host)
	require.NoError(t, err)
	host = net.JoinHostPort("127.0.0.1", port)
	if r.cut > 0 {
		host = startCutter(t, host, r.cut)
	}
	if r.holdsAcks {
		run.acks, host = startAckHolder(t, host)
	}
	settings := fmt.Sprintf("  ack: %s\n  format: %s\n  timeout: 5s\n  pipelining: 4\n", ack, format)
	more := strings.NewReplacer("HOST", host, "PORT", port).Replace(r.output)
	if r.cut == 0 {
		settings += "  batch_size: 200\n  backoff: {init: 50ms, max: 200ms}\n"
	}
	run.setup.Output = "output.websocket:\n" + settings + more
	if !strings.Contains(more, "hosts:") {
		run.setup.Output += fmt.Sprintf("  hosts: [\"ws://%s/ingest\"]\n", host)
	}
	run.lines = onceLines
	if r.cut > 0 || r.times > 0 {
		run.lines = 1000
	}
	rounds := *onceRounds
	if *onceLong && r.times > 0 {
		rounds = r.times
	}
	run.write()
	run.startFilebeat()
	for round := 0; r.fault != nil && round < rounds; round++ {
		before := len(onceContent(t, run.receiver.File))
		run.write()
		// Some have arrived, and more are on their way.
		beattest.Eventually(t, oncePatience, "lines arrive", func() bool {
			return len(onceContent(t, run.receiver.File)) > before+50*1024
		})
		r.fault(run)
	}
	run.write()
	last := run.last
	numbers := map[int]int{}
	beattest.Eventually(t, oncePatience, "every line arrives", func() bool {
		numbers = onceNumbers(t, run.receiver.File)
		return len(numbers) >= last
	})
	// What is sent twice can come behind the last line: until Filebeat has recorded it all.
	beattest.Eventually(t, oncePatience, "Filebeat knows it", func() bool {
		offsets := run.setup.RegistryOffsets(t)
		for name, offset := range offsets {
			if offset != fileSize(t, run.setup.LogFile(name)) {
				return false
			}
		}
		return len(offsets) == run.renames+1
	})
	require.Zero(t, run.filebeat.Stop())
	require.Zero(t, run.receiver.Stop())
	numbers = onceNumbers(t, run.receiver.File)
	require.Len(t, numbers, last)
	o := onceOutcome{name: r.name, ack: ack, format: format, written: last}
	for number := 1; number <= last; number++ {
		switch times := numbers[number]; times {
		case 0:
			o.missing++
		case 1:
			o.stored++
		default:
			o.stored++
			o.twice++
		}
	}
	require.Zero(t, o.missing, "missing lines: %v", o)
	require.Zero(t, o.twice, "lines that are there more than once: %v", o)
	return o
}

// onceContent is what is in the file, or the files of the folder.
func onceContent(t *testing.T, out string) []byte {
	t.Helper()
	files := []string{out}
	if info, err := os.Stat(out); err == nil && info.IsDir() {
		files, err = filepath.Glob(filepath.Join(out, "*.ndjson"))
		require.NoError(t, err)
	}
	var content []byte
	for _, file := range files {
		part, err := os.ReadFile(file)
		require.NoError(t, err)
		content = append(content, part...)
	}
	return content
}

// onceNumbers returns how often each line is there.
func onceNumbers(t *testing.T, out string) map[int]int {
	t.Helper()
	numbers := map[int]int{}
	for line := range bytes.Lines(onceContent(t, out)) {
		number := 0
		if _, rest, found := bytes.Cut(line, []byte("seq=")); found {
			_, err := fmt.Sscanf(string(rest[:min(len(rest), 20)]), "%d", &number)
			require.NoError(t, err)
			numbers[number]++
		}
	}
	return numbers
}

// startCutter starts a proxy that cuts its first connection after step bytes in both
// directions together, and each next one after step bytes more.
func startCutter(t *testing.T, target string, step int) (address string) {
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var ended sync.WaitGroup
	ended.Go(func() {
		for limit := step; ; limit += step {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			ended.Go(func() { cutAfter(t.Context(), client, target, limit) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		ended.Wait()
	})
	return listener.Addr().String()
}

// cutAfter forwards as many bytes.
func cutAfter(ctx context.Context, client net.Conn, target string, limit int) {
	defer client.Close() //nolint:errcheck // it is cut
	server, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", target)
	if err != nil {
		return
	}
	defer server.Close() //nolint:errcheck // it is cut
	var (
		mutex sync.Mutex
		wait  sync.WaitGroup
	)
	forward := func(to, from net.Conn) {
		defer client.Close() //nolint:errcheck // it is cut
		defer server.Close() //nolint:errcheck // it is cut
		buffer := make([]byte, 4096)
		for {
			n, err := from.Read(buffer)
			mutex.Lock()
			allowed := min(n, limit)
			limit -= allowed
			mutex.Unlock()
			if _, failed := to.Write(buffer[:allowed]); failed != nil || err != nil || allowed < n {
				return
			}
		}
	}
	wait.Go(func() { forward(server, client) })
	wait.Go(func() { forward(client, server) })
	wait.Wait()
}
