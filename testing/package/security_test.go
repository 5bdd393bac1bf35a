// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package installtest

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
)

// linkedPackage is a package of Beats that SECURITY.md says is in the program.
var linkedPackage = regexp.MustCompile("`((?:libbeat|filebeat)/[a-z/]+)`")

// pinned is the commit of Beats in go.mod.
var pinned = regexp.MustCompile(`(?m)^\tgithub.com/elastic/beats/v7 v\S+-([0-9a-f]{12})$`)

func TestAdvisoriesAreOfTheBeatsThatIsPinned(t *testing.T) {
	root := beattest.Root(t)
	match := pinned.FindStringSubmatch(read(t, filepath.Join(root, "go.mod")))
	require.Len(t, match, 2)
	require.Contains(t, read(t, filepath.Join(root, "SECURITY.md")), "`"+match[1]+"`", "look the advisories up again, and write down when")
}

func TestAdvisoriesAreOfWhatIsLinked(t *testing.T) {
	list := command(t, "go", "list", "-deps", "./cmd/filebeat")
	list.Dir = beattest.Root(t)
	linked := strings.Fields(run(t, list))
	rows := 0
	for line := range strings.Lines(read(t, filepath.Join(beattest.Root(t), "SECURITY.md"))) {
		cells := strings.Split(line, "|")
		if len(cells) < 5 || !strings.Contains(cells[1], "CVE-") {
			continue
		}
		rows++
		named := linkedPackage.FindAllStringSubmatch(cells[3], -1)
		if !strings.Contains(cells[3], "yes") {
			require.Empty(t, named)
			for _, beat := range []string{"packetbeat", "metricbeat"} {
				if strings.Contains(strings.ToLower(cells[2]), beat) {
					require.False(t, slices.ContainsFunc(linked, func(path string) bool {
						return strings.HasPrefix(path, "github.com/elastic/beats/v7/"+beat+"/")
					}), "SECURITY.md says that nothing of %s is linked", beat)
				}
			}
			continue
		}
		require.NotEmpty(t, named, line)
		for _, match := range named {
			require.Contains(t, linked, "github.com/elastic/beats/v7/"+match[1])
		}
	}
	require.GreaterOrEqual(t, rows, 6)
}
