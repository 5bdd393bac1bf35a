// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package notice

import (
	"os"
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
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600))
	}
	return Module{Path: path, Version: "v1.0.0", Licence: licence, LicenceFile: filepath.Join(folder, "LICENSE"), Folder: folder}
}

func TestRender(t *testing.T) {
	rule, double := strings.Repeat("-", 80), strings.Repeat("=", 80)
	notice, err := render([]byte("Preface.\n"), []Module{
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

func TestRenderNeedsTheTexts(t *testing.T) {
	_, err := render(nil, []Module{sampleModule(t, "example.com/a", "MIT", nil)})
	require.ErrorContains(t, err, "example.com/a")
}
