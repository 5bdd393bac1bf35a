// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
)

// verify runs the command and returns its exit code and what it printed.
func verify(t *testing.T, args ...string) (code int, output string) {
	t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), beattest.Binary(t, "wsreceiver"), append([]string{"verify"}, args...)...)
	printed, err := cmd.CombinedOutput()
	require.NotNil(t, cmd.ProcessState, "%v", err)
	return cmd.ProcessState.ExitCode(), string(printed)
}

// compress does what logrotate's compress does.
func compress(t *testing.T, path string) (compressed string) {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err = w.Write(content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.NoError(t, os.WriteFile(path+".gz", b.Bytes(), 0o600))
	require.NoError(t, os.Remove(path))
	return path + ".gz"
}

// TestVerifyFindsEachLineOnceAfterKillsAndRotations ships files that rotate to a receiver
// whose files rotate, kills both, and compares. Then it changes what has landed.
func TestVerifyFindsEachLineOnceAfterKillsAndRotations(t *testing.T) {
	t.Parallel()
	const each = 4000
	for _, c := range []struct{ name, format, identity string }{
		{"fingerprint, json", "json", "prospector.scanner.fingerprint.enabled: true\n    file_identity.fingerprint: ~"},
		{"fingerprint, msgpack", "msgpack", "prospector.scanner.fingerprint.enabled: true\n    file_identity.fingerprint: ~"},
		{"inode, json_lines", "json_lines", "file_identity.native: ~"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			records := filepath.Join(t.TempDir(), "records")
			receiver := beattest.StartReceiver(t, "--out", records+"/", "--rotate-bytes", "1MiB")
			setup := beattest.Setup{
				Dir: dir, Extra: "queue.mem: {events: 6400, flush.min_events: 400, flush.timeout: 50ms}",
				Output: output(receiver.URL(), "  batch_size: 200\n  event_id: position\n  format: "+c.format+"\n"),
				Inputs: fmt.Sprintf(`
filebeat.inputs:
  - type: filestream
    id: lines
    paths: ["%s/logs/a.log*"]
    prospector.scanner.check_interval: 1s
    close.on_state_change.removed: false
    close.on_state_change.inactive: 24h
    %s`, dir, c.identity),
			}
			path, sources := setup.LogFile("a.log"), []string{setup.LogFile("a.log"), setup.LogFile("a.log") + ".1.gz", setup.LogFile("a.log") + ".2.gz"}
			last := 0
			write := func() {
				beattest.AppendLines(t, path, last+1, last+each)
				last += each
			}
			write()
			filebeat := beattest.StartFilebeat(t, setup)
			// A line whose file is renamed between its two readings is stored twice, since
			// its record has another path: so kills come before renames.
			for round := range 3 {
				beattest.Eventually(t, patience, "lines arrive", func() bool { return len(onceContent(t, records)) > (1+round*each)*100 })
				receiver.Kill()
				filebeat.Kill()
				receiver.Start()
				filebeat = beattest.StartFilebeat(t, setup)
				beattest.Eventually(t, patience, "every line arrives, and Filebeat knows it", func() bool {
					return len(onceNumbers(t, records)) >= last && setup.RegistryOffsets(t)["a.log"] == fileSize(t, path)
				})
				if round < 2 {
					require.NoError(t, os.Rename(path, fmt.Sprintf("%s.%d", path, 2-round)))
					write()
				}
			}
			filebeat.Kill() // it may be starting still
			require.Zero(t, receiver.Stop())
			compress(t, path+".1")
			compress(t, path+".2")

			arguments := append([]string{"--landed", records}, sources...)
			code, printed := verify(t, arguments...)
			require.Zero(t, code, printed)
			require.Contains(t, printed, fmt.Sprintf("%d,000 lines in 3 files", last/1000))

			files, err := filepath.Glob(filepath.Join(records, "*.ndjson"))
			require.NoError(t, err)
			require.Greater(t, len(files), 1)
			content, err := os.ReadFile(files[0])
			require.NoError(t, err)
			lines := bytes.SplitAfter(content, []byte("\n"))
			gone, again := offsetOf(t, lines[100]), offsetOf(t, lines[200])
			lines = slices.Concat(lines[:100], lines[101:201], lines[200:])
			require.NoError(t, os.WriteFile(files[0], slices.Concat(lines...), 0o600))
			compress(t, files[0])
			code, printed = verify(t, arguments...)
			require.Equal(t, 1, code, printed)
			require.Contains(t, printed, fmt.Sprintf("missing: 1 line at bytes %d to %d\n", gone, gone+beattest.LineBytes+1))
			require.Contains(t, printed, fmt.Sprintf("double: 1 line at bytes %d to %d (%s.gz:201)\n", again, again+beattest.LineBytes+1, files[0]))
			require.Contains(t, printed, "1 missing, 1 double, 0 out of order")
		})
	}
}

func offsetOf(t *testing.T, line []byte) int {
	t.Helper()
	var record struct {
		Log struct{ Offset int }
	}
	require.NoError(t, json.Unmarshal(line, &record))
	return record.Log.Offset
}

// TestVerifyReadsWhatParsersMakeOfLines: multiline, containers' files, JSON and UTF-16.
func TestVerifyReadsWhatParsersMakeOfLines(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	receiver := beattest.StartReceiver(t)
	var multi, container, utf, ndjson strings.Builder
	utf.WriteString("\xff\xfe")
	for i := range 200 {
		fmt.Fprintf(&multi, "2021-02-05 event %d\r\n  at one\r\n\r\n  at two %s\r\n", i, strings.Repeat("\r\n", i%3))
		fmt.Fprintf(&container, "2021-02-05T22:17:09.669794202Z stdout P first %d \n2021-02-05T22:17:09.669794202Z stdout F rest\n2021-02-05T22:17:09.669794202Z stderr F whole\n", i)
		for _, letter := range fmt.Sprintf("line %d\n", i) {
			utf.WriteString(string([]byte{byte(letter), 0}))
		}
		fmt.Fprintf(&ndjson, `{"level":"info","text":"a\nb","seq":%d}`+"\n\n", i)
	}
	files := map[string]string{"multi.log": multi.String(), "container.log": container.String(), "utf16.log": utf.String(), "ndjson.log": ndjson.String()}
	setup := beattest.Setup{Dir: dir, Output: output(receiver.URL(), ""), Inputs: "filebeat.inputs:\n"}
	var sources []string
	for name, parser := range map[string]string{
		"multi.log":     "parsers: [{multiline: {type: pattern, pattern: '^[0-9]', negate: true, match: after}}]",
		"container.log": "parsers: [{container: {stream: all}}]",
		"utf16.log":     "encoding: utf-16-bom",
		"ndjson.log":    "parsers: [{ndjson: {target: ''}}]",
	} {
		path := setup.LogFile(name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(files[name]), 0o600))
		sources = append(sources, path)
		setup.Inputs += fmt.Sprintf("  - {type: filestream, id: %s, paths: ['%s'], close.on_state_change.removed: false, close.on_state_change.inactive: 24h, %s}\n", name, path, parser)
	}
	filebeat := beattest.StartFilebeat(t, setup)
	filebeat.AwaitEvents(patience, 1000, 0)
	require.Zero(t, filebeat.Stop())
	require.Zero(t, receiver.Stop())
	arguments := append([]string{"--landed", receiver.File}, sources...)
	code, printed := verify(t, arguments...)
	require.Zero(t, code, printed)

	// Without one event, one is missing.
	content, err := os.ReadFile(receiver.File)
	require.NoError(t, err)
	lines := bytes.SplitAfter(content, []byte("\n"))
	for _, without := range []int{3, 333, 777} {
		require.NoError(t, os.WriteFile(receiver.File, slices.Concat(slices.Concat(lines[:without], lines[without+1:])...), 0o600))
		code, printed = verify(t, arguments...)
		require.Equal(t, 1, code, printed)
		require.Equal(t, 1, strings.Count(printed, "missing: "), printed)
	}
}
