// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package beattest

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Setup is a folder for one filebeat: its configuration, data and log files.
type Setup struct {
	// Dir holds everything.
	Dir string
	// Output is the YAML of the output section, such as "output.discard: {}".
	Output string
	// Extra is more YAML for filebeat.yml. If it is empty, the flush timeout of the
	// queue is one second instead of ten.
	Extra string
	// Input is more YAML for the filestream input, indented by four.
	Input string
	// Inputs is the YAML of all inputs instead, if set.
	Inputs string
	// Env is added to the environment.
	Env []string
	// Hosts is a file that filebeat sees as its /etc/hosts, if set. It needs root.
	Hosts string
}

// LogFile returns the path of a log file of that name that filebeat reads.
func (s Setup) LogFile(name string) string { return filepath.Join(s.Dir, "logs", name) }

// config is the whole filebeat.yml. Fingerprint identity keeps a file's offset
// when it is renamed.
func (s Setup) config() string {
	if s.Extra == "" {
		s.Extra = "queue.mem.flush.timeout: 1s"
	}
	if s.Inputs == "" {
		s.Inputs = fmt.Sprintf(`
filebeat.inputs:
  - type: filestream
    id: lines
    paths: ["%s/logs/*.log"]
    prospector.scanner.check_interval: 1s
    prospector.scanner.fingerprint.enabled: true
    file_identity.fingerprint: ~
%s`, s.Dir, s.Input)
	}
	return fmt.Sprintf(`%[4]s
filebeat.shutdown_timeout: 1s
filebeat.registry.flush: 0s
path.home: %[1]s
path.data: %[1]s/data
path.logs: %[1]s/filebeat-logs
logging.to_stderr: true
logging.level: info
logging.metrics.enabled: false
http.enabled: true
http.host: unix://%[1]s/http.sock
%[3]s
%[2]s
`, s.Dir, s.Output, s.Extra, s.Inputs)
}

// Filebeat is a running filebeat.
type Filebeat struct {
	*Process
	tb    testing.TB
	setup Setup
}

// StartFilebeat starts the binary at the root of the module.
func StartFilebeat(tb testing.TB, setup Setup, args ...string) *Filebeat {
	tb.Helper()
	return StartFilebeatBinary(tb, Binary(tb, "filebeat"), setup, args...)
}

// StartFilebeatBinary starts another filebeat.
func StartFilebeatBinary(tb testing.TB, binary string, setup Setup, args ...string) *Filebeat {
	tb.Helper()
	configFile := filepath.Join(setup.Dir, "filebeat.yml")
	require.NoError(tb, os.WriteFile(configFile, []byte(setup.config()), 0o600))
	// A killed filebeat leaves its socket behind.
	require.NoError(tb, os.RemoveAll(filepath.Join(setup.Dir, "http.sock")))
	command := append([]string{binary, "-c", configFile}, args...)
	if setup.Hosts != "" {
		NeedRoot(tb, "unshare", "mount")
		command = append([]string{"unshare", "--mount", "sh", "-c", `mount --bind "$0" /etc/hosts && exec "$@"`, setup.Hosts}, command...)
	}
	cmd := exec.CommandContext(context.WithoutCancel(tb.Context()), command[0], command[1:]...)
	cmd.Dir = setup.Dir
	cmd.Env = append(os.Environ(), setup.Env...)
	return &Filebeat{Process: StartProcess(tb, cmd), tb: tb, setup: setup}
}

// Stat returns a number of the /stats page, such as libbeat.output.events.acked, or 0
// if the page does not have it or cannot be read (yet).
func (f *Filebeat) Stat(name string) int {
	number, err := ReadStat(f.tb.Context(), filepath.Join(f.setup.Dir, "http.sock"), name)
	if err != nil {
		return 0
	}
	return number
}

// AwaitEvents waits until the output has so many events acked and dropped, and fails
// the test if that does not happen within timeout.
func (f *Filebeat) AwaitEvents(timeout time.Duration, acked, dropped int) {
	f.tb.Helper()
	Eventually(f.tb, timeout, fmt.Sprintf("%d events are acked and %d dropped", acked, dropped), func() bool {
		return f.Stat("libbeat.output.events.acked") == acked && f.Stat("libbeat.output.events.dropped") == dropped
	})
}

// pollInterval is the time between two calls of check by Eventually.
const pollInterval = 20 * time.Millisecond

// Eventually waits until check holds and fails the test if it does not within
// timeout. It calls check on the test's own goroutine.
func Eventually(tb testing.TB, timeout time.Duration, what string, check func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(timeout); !check(); time.Sleep(pollInterval) {
		if time.Now().After(deadline) {
			require.FailNowf(tb, "this did not happen", "%s, within %v", what, timeout)
		}
	}
}

// RegistryOffsets returns, per file name, the offset up to which filestream has
// confirmed a file, as the registry on disk has it.
func (s Setup) RegistryOffsets(tb testing.TB) map[string]int64 {
	tb.Helper()
	offsets := map[string]int64{}
	folder := filepath.Join(s.Dir, "data", "registry", "filebeat")
	read := func(value map[string]json.RawMessage) {
		var entry struct {
			Cursor struct {
				// A Filebeat that has read the number before writes it as 1.608e+06.
				Offset float64 `json:"offset"`
			} `json:"cursor"`
			Meta struct {
				Source string `json:"source"`
			} `json:"meta"`
		}
		raw, err := json.Marshal(value)
		require.NoError(tb, err)
		if err := json.Unmarshal(raw, &entry); err == nil && entry.Meta.Source != "" {
			offsets[filepath.Base(entry.Meta.Source)] = int64(entry.Cursor.Offset)
		}
	}
	// Checkpoints are files with numbers for names, and hold all entries; the
	// log holds what came after.
	checkpoints, err := filepath.Glob(filepath.Join(folder, "[0-9]*.json"))
	require.NoError(tb, err)
	for _, checkpoint := range checkpoints {
		content, err := os.ReadFile(checkpoint)
		require.NoError(tb, err)
		var entries []map[string]json.RawMessage
		require.NoError(tb, json.Unmarshal(content, &entries))
		for _, entry := range entries {
			read(entry)
		}
	}
	log, err := os.ReadFile(filepath.Join(folder, "log.json"))
	require.NoError(tb, err)
	for line := range strings.Lines(string(log)) {
		var change struct {
			Value map[string]json.RawMessage `json:"v"`
		}
		if json.Unmarshal([]byte(line), &change) == nil && change.Value != nil {
			read(change.Value)
		}
	}
	return offsets
}
