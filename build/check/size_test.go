// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package check

import (
	"bytes"
	"os"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Beyond these a folder is hard to read: lines and files without tests, comments included.
const (
	maxPackageLines = 2600
	maxPackageFiles = 25
	maxLargeLines   = 3200
)

// largePackages may have maxLargeLines, and any number of files.
var largePackages = map[string]bool{"outputs/websocket": true, "outputs/codec": true}

func TestPackagesHaveASizeToRead(t *testing.T) {
	t.Chdir(root)
	files, err := sourceFiles("*.go")
	require.NoError(t, err)
	lines, count := map[string]int{}, map[string]int{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		lines[path.Dir(file)] += bytes.Count(text, []byte("\n"))
		count[path.Dir(file)]++
	}
	require.NotZero(t, lines["outputs/websocket"])
	for folder := range lines {
		if largePackages[folder] {
			require.LessOrEqual(t, lines[folder], maxLargeLines, "lines of %s", folder)
			continue
		}
		require.LessOrEqual(t, lines[folder], maxPackageLines, "lines of %s", folder)
		require.LessOrEqual(t, count[folder], maxPackageFiles, "files of %s", folder)
	}
}
