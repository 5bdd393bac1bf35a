// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package release

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

const repository = "../.."

// writeAll makes files, and the folders they need.
func writeAll(t *testing.T, folder string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(folder, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, writeMode(path, content, 0o644))
	}
}

// modes returns the modes of all files and folders below a folder, by their paths.
func modes(t *testing.T, folder string) map[string]fs.FileMode {
	t.Helper()
	found := map[string]fs.FileMode{}
	require.NoError(t, fs.WalkDir(os.DirFS(folder), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == "." {
			return err
		}
		info, err := entry.Info()
		found[path] = info.Mode()
		return err
	}))
	return found
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(content)
}

func TestCopyTree(t *testing.T) {
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "below", "to")
	writeAll(t, from, map[string]string{
		"a.yml": "a", "filebeat.yml": "secrets", "left.go": "", "below/b.yml": "b", "left/c.yml": "", "below/left.go": "",
	})
	require.NoError(t, os.Chmod(filepath.Join(from, "a.yml"), 0o400)) // as in the module cache
	require.NoError(t, copyTree(to, from, []string{"left", "left.go"}))
	require.Equal(t, map[string]fs.FileMode{
		"a.yml": 0o644, "filebeat.yml": 0o600, "below": fs.ModeDir | 0o755, "below/b.yml": 0o644,
	}, modes(t, to))
	require.Equal(t, "b", read(t, filepath.Join(to, "below", "b.yml")))

	require.ErrorIs(t, copyTree(to, filepath.Join(from, "missing"), nil), fs.ErrNotExist)
}

func TestSetTimes(t *testing.T) {
	folder := t.TempDir()
	writeAll(t, folder, map[string]string{"a": "", "below/b": ""})
	require.NoError(t, setTimes(folder, commitTime))
	for path := range modes(t, folder) {
		info, err := os.Stat(filepath.Join(folder, path))
		require.NoError(t, err)
		require.True(t, info.ModTime().Equal(commitTime), path)
	}
}

func TestEmptyFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	writeAll(t, ".", map[string]string{"folder/old/file": ""})
	folder, err := emptyFolder("folder")
	require.NoError(t, err)
	require.True(t, filepath.IsAbs(folder))
	require.Empty(t, modes(t, folder))
}

func TestWriteFileNamesTheFileThatFailed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	err := writeFile(path, func(io.Writer) error { return errors.New("no") })
	require.EqualError(t, err, path+": no")
}

func TestWriteSums(t *testing.T) {
	folder := t.TempDir()
	writeAll(t, folder, map[string]string{"b.deb": "", "a.tar.gz": "abc"})
	require.NoError(t, writeSums(folder))
	require.Equal(t, // of FIPS 180, and of nothing
		"ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f  a.tar.gz\n"+
			"cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e  b.deb\n",
		read(t, filepath.Join(folder, "SHA512SUMS")))
}
