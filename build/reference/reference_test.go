// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package reference

import (
	"io/fs"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// ourFile is the one that Make makes.
const ourFile = "../../filebeat.reference.yml"

func beats(t *testing.T) fs.FS {
	t.Helper()
	folder, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f={{.Dir}}", "github.com/elastic/beats/v7").Output()
	require.NoError(t, err)
	return os.DirFS(strings.TrimSpace(string(folder)))
}

func made(t *testing.T) string {
	t.Helper()
	file, err := Make(beats(t))
	require.NoError(t, err)
	return string(file)
}

func TestStockTemplatesGiveElasticsOwnFile(t *testing.T) {
	set, err := stock(beats(t))
	require.NoError(t, err)
	file, err := execute(set)
	require.NoError(t, err)
	want, err := fs.ReadFile(beats(t), "filebeat/filebeat.reference.yml")
	require.NoError(t, err)
	require.Equal(t, string(want), string(file))
}

func TestTheFileIsTheOneThatIsMade(t *testing.T) {
	there, err := os.ReadFile(ourFile)
	require.NoError(t, err)
	require.Equal(t, made(t), string(there), "write it with: go tool mage reference")
}

func TestOurOutputIsTheOneThatIsOn(t *testing.T) {
	on := regexp.MustCompile(`(?m)^output\.\w+:`).FindAllString(made(t), -1)
	require.Equal(t, []string{"output.websocket:"}, on)
	off := regexp.MustCompile(`(?m)^#output\.\w+:`).FindAllString(made(t), -1)
	require.Equal(t, []string{
		"#output.elasticsearch:", "#output.logstash:", "#output.kafka:", "#output.redis:", "#output.file:", "#output.console:",
	}, off)
}

func TestAllElseIsAsInElasticsFile(t *testing.T) {
	stockFile, err := fs.ReadFile(beats(t), "filebeat/filebeat.reference.yml")
	require.NoError(t, err)
	// A line that is on and one that is off count as the same.
	plain := func(line string) string { return strings.Replace(strings.TrimSpace(line), "#", "", 1) }
	ours := map[string]bool{}
	for line := range strings.Lines(made(t)) {
		ours[plain(line)] = true
	}
	_, body, found := strings.Cut(string(stockFile), "Modules configuration =============================\n")
	require.True(t, found)
	for line := range strings.Lines(body) {
		require.True(t, ours[plain(line)], "a line is missing: %s", line)
	}
}
