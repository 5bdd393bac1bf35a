// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
)

// Lines that bring an id of their own: as content, and by the ndjson parser as the
// event's. Whoever writes into a log can do so.
func TestIDsInLinesLeaveNoRecordOut(t *testing.T) {
	const parser = "    parsers: [{ndjson: {target: \"\", overwrite_keys: true}}]\n"
	for name, test := range map[string]struct{ format, input string }{
		"raw":                         {"raw", ""},
		"json":                        {"json", parser},
		"json_lines":                  {"json_lines", parser},
		"msgpack":                     {"msgpack", parser},
		"forward":                     {"forward", parser},
		"json, the line as a message": {"json", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			receiver := beattest.StartReceiver(t)
			setup := beattest.Setup{
				Dir: t.TempDir(), Input: test.input,
				Output: output(receiver.URL(), "  format: "+test.format+"\n  ack: message\n"),
			}
			const lines = 20
			var content strings.Builder
			for n := range lines {
				// Each is there twice, and plays another agent as well.
				fmt.Fprintf(&content, `{"@metadata":{"_id":"1"},"n":%d,"agent":{"id":"another"},"pad":%q}`+"\n", n/2, strings.Repeat("x", 100))
			}
			require.NoError(t, os.MkdirAll(filepath.Dir(setup.LogFile("a.log")), 0o700))
			require.NoError(t, os.WriteFile(setup.LogFile("a.log"), []byte(content.String()), 0o600))
			filebeat := beattest.StartFilebeat(t, setup)
			filebeat.AwaitEvents(patience, lines, 0)
			require.Zero(t, filebeat.Stop())
			require.Zero(t, receiver.Stop())
			written, err := os.ReadFile(receiver.File)
			require.NoError(t, err)
			// raw sends no place in a file beside the line. The receiver takes two equal
			// ones for a record of a Beat that was sent again, as it has all ids of one.
			want := lines
			if test.format == "raw" {
				want = lines / 2
			}
			require.Equal(t, want, bytes.Count(written, []byte("\n")))
		})
	}
}

func TestLinesThatAreReadAgainAreLeftOutByTheirFingerprint(t *testing.T) {
	const lines = 2000
	receiver := beattest.StartReceiver(t)
	setup := beattest.Setup{
		Dir: t.TempDir(), Output: output(receiver.URL(), "  ack: message\n"),
		Input: "    processors: [{fingerprint: {fields: [message, log.offset], target_field: '@metadata._id'}}]\n",
	}
	beattest.AppendLines(t, setup.LogFile("a.log"), 1, lines)
	for range 2 {
		filebeat := beattest.StartFilebeat(t, setup)
		filebeat.AwaitEvents(patience, lines, 0)
		require.Zero(t, filebeat.Stop())
		require.NoError(t, os.RemoveAll(filepath.Join(setup.Dir, "data", "registry")))
	}
	require.Zero(t, receiver.Stop())
	numbers := receiver.Numbers()
	require.Len(t, numbers, lines)
	for number, times := range numbers {
		require.Equal(t, 1, times, "line %d", number)
	}
	require.Contains(t, receiver.Output(), fmt.Sprintf("duplicates=%d", lines))
}
