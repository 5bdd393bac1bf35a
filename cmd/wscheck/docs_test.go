// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/wstest"
)

var update = flag.Bool("update", false, "write the tables of docs/receivers.md")

const document = "../../docs/receivers.md"

// requireTable holds the lines between two comments of the document against want, or writes
// them with -update.
func requireTable(t *testing.T, name, want string) {
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
	require.Equal(t, want, is, "go test ./cmd/wscheck -run TestDocs -update writes it")
}

func TestDocsHaveEveryFlag(t *testing.T) {
	var table strings.Builder
	table.WriteString("| flag | default | meaning |\n|---|---|---|\n")
	newFlagSet(&settings{}).VisitAll(func(f *flag.Flag) {
		value, text := flag.UnquoteUsage(f)
		initial := ""
		if f.DefValue != "" {
			initial = "`" + f.DefValue + "`"
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s |\n", strings.TrimSpace("--"+f.Name+" "+value), initial, text)
	})
	requireTable(t, "flags", table.String())
}

func TestDocsHaveEveryMistake(t *testing.T) {
	var table strings.Builder
	table.WriteString("| the receiver | `--ack` | rule |\n|---|---|---|\n")
	for _, mistake := range wstest.Mistakes {
		fmt.Fprintf(&table, "| %s | `%s` | [%s](%s) |\n", mistake.Name, mistake.Ack, mistake.Rule, linkOf(t, mistake.Rule))
	}
	requireTable(t, "mistakes", table.String())
}
