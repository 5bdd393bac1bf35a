// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package beats

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/modfile"
)

const root = "../.."

func TestFolderHasFilebeat(t *testing.T) {
	folder, err := Folder()
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(folder, "filebeat", "main.go"))
}

// checkout makes a folder with our go.mod and one more line its working directory, and
// returns the content of that go.mod and the version of Beats in it.
func checkout(t *testing.T, line string) (content, version string) {
	t.Helper()
	module, err := os.ReadFile(filepath.Join(root, "go.mod"))
	require.NoError(t, err)
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	require.NoError(t, err)
	module = append(module, line...)
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("go.mod", module, 0o600))
	require.NoError(t, os.WriteFile("go.sum", sums, 0o600))
	file, err := modfile.Parse("go.mod", module, nil)
	require.NoError(t, err)
	for _, required := range file.Require {
		if required.Mod.Path == Module {
			return string(module), required.Mod.Version
		}
	}
	require.Fail(t, "go.mod does not require Beats")
	return "", ""
}

func requireUnchanged(t *testing.T, want string) {
	t.Helper()
	content, err := os.ReadFile("go.mod")
	require.NoError(t, err)
	require.Equal(t, want, string(content))
}

func TestPin(t *testing.T) {
	t.Run("the version that is pinned already changes nothing", func(t *testing.T) {
		content, version := checkout(t, "")
		changed, err := Pin(version, false)
		require.NoError(t, err)
		require.False(t, changed)
		requireUnchanged(t, content)
	})
	t.Run("a dry run says that there is a change and makes none", func(t *testing.T) {
		content, version := checkout(t, "replace example.com/gone => example.com/fork v1.0.0\n")
		changed, err := Pin(version, true)
		require.NoError(t, err)
		require.True(t, changed)
		requireUnchanged(t, content)
	})
	t.Run("something that is not a version is an error and changes nothing", func(t *testing.T) {
		content, _ := checkout(t, "")
		_, err := Pin("v7.not", false)
		require.Error(t, err)
		requireUnchanged(t, content)
	})
}
