// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/receiver"
	"filebeat-websocket/testing/beattest"
)

var yamlBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// examples returns the whole filebeat.yml files of docs/migrating.md and docs/from-*.md.
func examples(t *testing.T) (found []string) {
	t.Helper()
	documents, err := filepath.Glob(filepath.Join(beattest.Root(t), "docs", "from-*.md"))
	require.NoError(t, err)
	require.Len(t, documents, 3)
	for _, path := range append(documents, filepath.Join(beattest.Root(t), "docs", "migrating.md")) {
		document, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, block := range yamlBlock.FindAllStringSubmatch(string(document), -1) {
			require.Contains(t, block[1], "filebeat.inputs:", "an example is a whole file")
			found = append(found, block[1])
		}
	}
	return found
}

// The secret in the examples, which they take from the environment.
const ingestToken = "a t0ken"

func TestExamplesOfMigratingShip(t *testing.T) {
	const lines = 1_000
	shipped := 0
	for i, example := range examples(t) {
		if strings.Contains(example, "wss://") {
			continue // they name files with certificates
		}
		shipped++
		format := regexp.MustCompile(`\n  format: (\w+)`).FindStringSubmatch(example)
		require.NotNil(t, format, example)
		t.Run(fmt.Sprintf("%d %s", i+1, format[1]), func(t *testing.T) {
			t.Parallel()
			options := receiver.Options{}
			switch {
			case strings.Contains(example, `delimiter: "&"`):
				options.Format = "form"
			case strings.Contains(example, "shared_key"):
				options.Forward.SharedKey = ingestToken
			}
			l := startLanding(t, "127.0.0.1:0", options)
			dir := t.TempDir()
			beattest.AppendLines(t, filepath.Join(dir, "a.log"), 1, lines)
			startExample(t, dir, l, example)
			beattest.Eventually(t, patience, "the lines arrive", func() bool { return l.missing(lines) == 0 })

			records, _, sample := l.state()
			require.Equal(t, lines, records)
			if strings.Contains(example, "to: log") {
				requireFluentBitsRecord(t, sample)
			}
		})
	}
	require.GreaterOrEqual(t, shipped, 6)
}

// startExample runs filebeat with an example whose files are those of dir and
// whose server is l.
func startExample(t *testing.T, dir string, l *landing, example string) {
	t.Helper()
	addr := strings.TrimSuffix(strings.TrimPrefix(l.url, "ws://"), "/")
	for _, replaced := range [][2]string{{"/var/log/app/*.log", dir + "/*.log"}, {"logs.example.com:8080", addr}} {
		require.Contains(t, example, replaced[0])
		example = strings.ReplaceAll(example, replaced[0], replaced[1])
	}
	example += fmt.Sprintf("\npath.home: %[1]s\npath.data: %[1]s/data\npath.logs: %[1]s/logs\nlogging.to_stderr: true\n", dir)
	if !strings.Contains(example, "queue.mem.flush.timeout") {
		example += "queue.mem.flush.timeout: 1s\n"
	}
	configFile := filepath.Join(dir, "filebeat.yml")
	require.NoError(t, os.WriteFile(configFile, []byte(example), 0o600))
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), beattest.Binary(t, "filebeat"), "-c", configFile)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "INGEST_TOKEN="+ingestToken)
	filebeat := beattest.StartProcess(t, cmd)
	t.Cleanup(func() {
		require.Zero(t, filebeat.Stop())
		require.NotContains(t, filebeat.Output(), ingestToken)
	})
}

// requireFluentBitsRecord compares a record with what the tail input of Fluent Bit
// makes of a line.
func requireFluentBitsRecord(t *testing.T, record string) {
	t.Helper()
	require.True(t, strings.HasPrefix(record, `{"date":`), record)
	var fields map[string]any
	require.NoError(t, json.Unmarshal([]byte(record), &fields))
	require.Len(t, fields, 2, "%s", record)
	require.IsType(t, 0.5, fields["date"])
	require.Contains(t, fields["log"], "GET /articles/")
}
