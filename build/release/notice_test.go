// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package release

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// sampleModule is a module with these files in a folder of its own.
func sampleModule(t *testing.T, path, licence string, files map[string]string) Module {
	t.Helper()
	folder := t.TempDir()
	for name, content := range files {
		require.NoError(t, writeFile(filepath.Join(folder, name), content, 0o600))
	}
	return Module{Path: path, Version: "v1.0.0", Licence: licence, LicenceFile: filepath.Join(folder, "LICENSE"), Folder: folder}
}

func TestNotice(t *testing.T) {
	rule, double := strings.Repeat("-", 80), strings.Repeat("=", 80)
	notice, err := Notice([]byte("Preface.\n"), []Module{
		sampleModule(t, "example.com/a", "MIT", map[string]string{"LICENSE": "\nBe  free.  \r\nReally.\n\n"}),
		sampleModule(t, "example.com/bb", "Apache-2.0", map[string]string{
			"LICENSE":    "Be apache.\n",
			"NOTICE.txt": "Made by B.\n\n=======\nOf others\n",
		}),
		sampleModule(t, "example.com/c", "MIT", map[string]string{"LICENSE": "Be free. Really."}),
	})
	require.NoError(t, err)
	require.Equal(t, strings.Join([]string{
		"Preface.",
		"",
		double, "Modules in the binaries, with their licences", double,
		"",
		"example.com/a v1.0.0   MIT",
		"example.com/bb v1.0.0  Apache-2.0",
		"example.com/c v1.0.0   MIT",
		"",
		double, "Texts of the licences", double,
		"",
		"",
		rule, "example.com/a v1.0.0", "example.com/c v1.0.0", rule,
		"",
		"Be  free.",
		"Really.",
		"",
		rule, "example.com/bb v1.0.0", rule,
		"",
		"Be apache.",
		"",
		double, "Notices of the modules", double,
		"",
		"",
		rule, "example.com/bb v1.0.0", rule,
		"",
		"Made by B.",
		"",
	}, "\n"), string(notice))
}

func TestNoticeNeedsTheTexts(t *testing.T) {
	_, err := Notice(nil, []Module{sampleModule(t, "example.com/a", "MIT", nil)})
	require.ErrorContains(t, err, "example.com/a")
}

func TestParseModules(t *testing.T) {
	t.Run("sorts by path; only the version may be empty", func(t *testing.T) {
		modules, err := ParseModules([]byte("b\tv1\tMIT\t/b/LICENSE\t/b\n\na\t\tMIT\t/a/LICENSE\t/a\n"))
		require.NoError(t, err)
		require.Equal(t, []Module{
			{Path: "a", Licence: "MIT", LicenceFile: "/a/LICENSE", Folder: "/a"},
			{Path: "b", Version: "v1", Licence: "MIT", LicenceFile: "/b/LICENSE", Folder: "/b"},
		}, modules)
	})
	for name, content := range map[string]string{
		"nothing":                 "\n",
		"a line without a folder": "a\tv1\tMIT\t/a/LICENSE\t\n",
		"a line with less":        "a\tv1\tMIT\n",
	} {
		t.Run(name+" is an error", func(t *testing.T) {
			_, err := ParseModules([]byte(content))
			require.Error(t, err)
		})
	}
}
