// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
)

var updateFlag = flag.Bool("update", false, "rewrite the table and the configurations of docs/interop.md")

const interopFile = "docs/interop.md"

// outcome is a row of the table.
type outcome struct {
	kind, name, version        string
	lines, missing, duplicates int
	compression, subprotocol   string
}

const outcomeHead = "| | peer | version | lines | missing | duplicates | compressed | subprotocol |\n|---|---|---|--:|--:|--:|---|---|\n"

func (o outcome) String() string {
	return fmt.Sprintf("| %s | %s | %s | %d | %d | %d | %s | %s |\n",
		o.kind, o.name, o.version, o.lines, o.missing, o.duplicates, o.compression, o.subprotocol)
}

// count counts what is in the file.
func (o *outcome) count(file *stored) {
	file.look()
	for seq := 1; seq <= o.lines; seq++ {
		if times := file.seen[seq]; times > 0 {
			o.duplicates += times - 1
		} else {
			o.missing++
		}
	}
}

func TestDocsShowTheConfigurationsOfTheTests(t *testing.T) {
	files, err := os.ReadDir(testdata(t, "proxies", ""))
	require.NoError(t, err)
	for _, file := range files {
		content, err := os.ReadFile(testdata(t, "proxies", file.Name()))
		require.NoError(t, err)
		checkSection(t, file.Name(), "```\n"+string(content)+"```\n", strings.Clone)
	}
}

func TestDocsNameTheServersOfTheTests(t *testing.T) {
	document, err := os.ReadFile(filepath.Join(beattest.Root(t), interopFile))
	require.NoError(t, err)
	files, err := os.ReadDir(testdata(t, "servers", ""))
	require.NoError(t, err)
	for _, file := range files {
		require.Contains(t, string(document), "(../testing/interop/testdata/servers/"+file.Name()+")")
	}
}

var digits = regexp.MustCompile(`\d+`)

// withoutDigits removes what differs from run to run: versions and numbers of
// duplicates.
func withoutDigits(text string) string { return digits.ReplaceAllString(text, "0") }

// checkSection compares a section of docs/interop.md with the expected one, after
// view has reduced both. With -update it writes the section.
func checkSection(t *testing.T, name, section string, view func(string) string) {
	t.Helper()
	path := filepath.Join(beattest.Root(t), interopFile)
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	begin, end := "<!-- "+name+": begin -->\n", "<!-- "+name+": end -->\n"
	before, rest, found := strings.Cut(string(content), begin)
	require.True(t, found, "no %q in the docs", begin)
	documented, after, found := strings.Cut(rest, end)
	require.True(t, found, "no %q in the docs", end)
	if *updateFlag {
		require.NoError(t, os.WriteFile(path, []byte(before+begin+section+end+after), 0o644))
		return
	}
	require.Equal(t, view(section), view(documented), "rewrite it with -update")
}
