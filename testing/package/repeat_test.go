// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package installtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
)

// copyScript copies a checkout without what git ignores, but with the tools. $0 is
// where to, $1 where from.
const copyScript = `cd "$1"
git ls-files -z --cached --others --exclude-standard | tar --create --null --ignore-failed-read --files-from=- | tar --extract --directory "$0"
cp -a .git "$0/.git"
mkdir "$0/.cache"
cp -a .cache/nfpm-* .cache/go-licence-detector-* "$0/.cache/"`

func TestAnotherRunInAnotherFolderGivesTheSameBytes(t *testing.T) {
	folder := t.TempDir()
	run(t, command(t, "sh", "-euc", copyScript, folder, beattest.Root(t)))
	again := command(t, "go", "tool", "mage", "package", "-platforms=linux/amd64", "-version="+version(t))
	again.Dir = folder
	run(t, again)

	sums := read(t, filepath.Join(distFolder(t), "SHA512SUMS"))
	files, err := os.ReadDir(filepath.Join(folder, "build", "dist"))
	require.NoError(t, err)
	require.Len(t, files, 9) // archive, two debs, two rpms, three bills of materials, the sums
	for line := range strings.Lines(read(t, filepath.Join(folder, "build", "dist", "SHA512SUMS"))) {
		require.Contains(t, sums, line)
	}
}
