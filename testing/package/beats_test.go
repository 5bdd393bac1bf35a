// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package installtest

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
)

const ourModule = "filebeat-websocket/"

var importRow = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| ([^|]+) \\| [^|]+ \\|$")

func TestDocsListTheImportsOfBeats(t *testing.T) {
	root := beattest.Root(t)
	list := command(t, "go", "list", "-f={{.ImportPath}} {{join .Imports \" \"}}", "./...")
	list.Dir = root
	importers := map[string][]string{}
	for line := range strings.Lines(run(t, list)) {
		fields := strings.Fields(line)
		importer := strings.TrimPrefix(fields[0], ourModule)
		if strings.HasPrefix(importer, "testing/") {
			continue
		}
		for _, imported := range fields[1:] {
			if imported, ours := strings.CutPrefix(imported, "github.com/elastic/"); ours {
				importers[imported] = append(importers[imported], "`"+importer+"`")
			}
		}
	}
	documented := map[string][]string{}
	for _, row := range importRow.FindAllStringSubmatch(read(t, root+"/docs/dev/beats-version.md"), -1) {
		documented[row[1]] = strings.Split(row[2], ", ")
	}
	for _, names := range importers {
		slices.Sort(names)
	}
	require.Equal(t, importers, documented)
}

func TestPinningTheVersionThatIsThereChangesNothing(t *testing.T) {
	root := beattest.Root(t)
	asked := command(t, "go", "list", "-m", "-f={{.Version}}", "github.com/elastic/beats/v7")
	asked.Dir = root
	there := strings.TrimSpace(run(t, asked))
	require.Contains(t, read(t, root+"/docs/dev/beats-version.md"), "`"+there+"`")
	pin := command(t, "go", "tool", "mage", "beatsVersion", there, "-dry")
	pin.Dir = root
	require.Equal(t, "go.mod already has "+there+" and its replaces\n", run(t, pin))
}
