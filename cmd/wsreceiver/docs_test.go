// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/receiver"
	"filebeat-websocket/receiver/dedup"
	"filebeat-websocket/receiver/metrics"
	"filebeat-websocket/receiver/sink/file"
)

var update = flag.Bool("update", false, "write the tables of docs/receiver.md and docs/verify.md")

const document = "../../docs/receiver.md"

// requireTable holds the lines between two comments of the document against
// want, or writes them with -update.
func requireTable(t *testing.T, name, want string) {
	t.Helper()
	requireTableIn(t, document, name, want)
}

func requireTableIn(t *testing.T, document, name, want string) {
	t.Helper()
	content, err := os.ReadFile(document)
	require.NoError(t, err)
	opening, end := "<!-- "+name+": begin -->\n", "<!-- "+name+": end -->"
	before, rest, found := strings.Cut(string(content), opening)
	require.True(t, found)
	is, after, found := strings.Cut(rest, end)
	require.True(t, found)
	if *update {
		require.NoError(t, os.WriteFile(document, []byte(before+opening+want+end+after), 0o644))
		return
	}
	require.Equal(t, want, is, "go test ./cmd/wsreceiver -run TestDocs -update writes it")
}

func TestDocsHaveEveryFlag(t *testing.T) {
	requireTable(t, "flags", flagTable(newFlagSet(&settings{})))
}

func flagTable(flags *flag.FlagSet) string {
	var table strings.Builder
	table.WriteString("| flag | default | meaning |\n|---|---|---|\n")
	flags.VisitAll(func(f *flag.Flag) {
		value, text := flag.UnquoteUsage(f)
		text = strings.TrimSuffix(text, " (default true)")
		initial := ""
		if f.DefValue != "" {
			initial = "`" + f.DefValue + "`"
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s |\n", strings.TrimSpace("--"+f.Name+" "+value), initial, strings.ReplaceAll(text, "|", `\|`))
	})
	return table.String()
}

func TestDocsHaveEveryMetric(t *testing.T) {
	m := metrics.New()
	m.WatchDedup(dedup.New(1, file.New(nil)))
	m.WatchOutput(t.TempDir())
	observer := m.Observer()
	observer.Opened(receiver.Peer{})
	observer.Closed(receiver.Peer{}, receiver.End{CloseCode: 1000}) // or there is no code to show
	notFound := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	m.CountRequests(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), notFound)
	answer := httptest.NewRecorder()
	m.Handler().ServeHTTP(answer, notFound)
	var table strings.Builder
	table.WriteString("| metric | meaning |\n|---|---|\n")
	for _, found := range regexp.MustCompile(`(?m)^# HELP (wsreceiver_\S+) (.*)$`).FindAllStringSubmatch(answer.Body.String(), -1) {
		fmt.Fprintf(&table, "| `%s` | %s |\n", found[1], found[2])
	}
	requireTable(t, "metrics", table.String())
}

// TestDocsCommandsWork runs what the document says to run, as far as the flags
// go.
func TestDocsCommandsWork(t *testing.T) {
	content, err := os.ReadFile(document)
	require.NoError(t, err)
	commands := regexp.MustCompile(`(?m)^wsreceiver (.*)$`).FindAllStringSubmatch(string(content), -1)
	require.NotEmpty(t, commands)
	for _, command := range commands {
		_, err := parseFlags(strings.Fields(command[1]))
		require.NoError(t, err, command[0])
	}
	for _, link := range regexp.MustCompile(`\]\(([^)#]+)`).FindAllStringSubmatch(string(content), -1) {
		_, err := os.Stat(filepath.Join(filepath.Dir(document), link[1]))
		require.NoError(t, err)
	}
}
