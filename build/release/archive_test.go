// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package release

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var commitTime = time.Date(2026, 2, 5, 22, 17, 8, 0, time.UTC)

// archived is what an archive says about one of its names.
type archived struct {
	Name     string
	Mode     fs.FileMode
	Modified time.Time
	Content  string
}

var wantEntries = []archived{
	{"top/", fs.ModeDir | 0o755, commitTime, ""},
	{"top/a.txt", 0o600, commitTime, "alpha"},
	{"top/b/", fs.ModeDir | 0o755, commitTime, ""},
	{"top/b/run", 0o755, commitTime, "#!"},
	{"top/c.txt", 0o644, commitTime, ""},
}

// sampleFolder makes the files in the given order, at the time of the test.
func sampleFolder(t *testing.T, order ...int) string {
	t.Helper()
	folder := t.TempDir()
	require.NoError(t, os.Chmod(folder, 0o755))
	steps := []func() error{
		func() error { return writeMode(filepath.Join(folder, "a.txt"), "alpha", 0o600) },
		func() error { return os.MkdirAll(filepath.Join(folder, "b"), 0o755) },
		func() error { return writeMode(filepath.Join(folder, "c.txt"), "", 0o644) },
	}
	for _, number := range order {
		require.NoError(t, steps[number]())
	}
	require.NoError(t, writeMode(filepath.Join(folder, "b", "run"), "#!", 0o755))
	return folder
}

// writeMode writes a file with a mode, whatever the umask is.
func writeMode(path, content string, mode fs.FileMode) error {
	return errors.Join(os.WriteFile(path, []byte(content), mode), os.Chmod(path, mode))
}

func readTarGz(t *testing.T, content []byte) (entries []archived) {
	t.Helper()
	unzipped, err := gzip.NewReader(bytes.NewReader(content))
	require.NoError(t, err)
	require.Zero(t, unzipped.ModTime)
	require.Empty(t, unzipped.Header.Name)
	for archive := tar.NewReader(unzipped); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return entries
		}
		require.NoError(t, err)
		require.Equal(t, []any{"root", "root", 0, 0}, []any{header.Uname, header.Gname, header.Uid, header.Gid})
		text, err := io.ReadAll(archive)
		require.NoError(t, err)
		entries = append(entries, archived{header.Name, header.FileInfo().Mode(), header.ModTime.UTC(), string(text)})
	}
}

func readZip(t *testing.T, content []byte) (entries []archived) {
	t.Helper()
	archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	require.NoError(t, err)
	for _, file := range archive.File {
		reader, err := file.Open()
		require.NoError(t, err)
		text, err := io.ReadAll(reader)
		require.NoError(t, err)
		require.NoError(t, reader.Close())
		entries = append(entries, archived{file.Name, file.Mode(), file.Modified.UTC(), string(text)})
	}
	return entries
}

func TestArchives(t *testing.T) {
	kinds := map[string]struct {
		write func(io.Writer, string, string, time.Time) error
		read  func(*testing.T, []byte) []archived
	}{
		"tar.gz": {tarGz, readTarGz},
		"zip":    {zipped, readZip},
	}
	for name, kind := range kinds {
		t.Run(name+" holds everything, sorted, with the modes of the files and one time", func(t *testing.T) {
			var content bytes.Buffer
			require.NoError(t, kind.write(&content, sampleFolder(t, 0, 1, 2), "top", commitTime))
			require.Equal(t, wantEntries, kind.read(t, content.Bytes()))
		})
		t.Run(name+" is the same for the same files, whatever their order and times", func(t *testing.T) {
			var one, other bytes.Buffer
			require.NoError(t, kind.write(&one, sampleFolder(t, 0, 1, 2), "top", commitTime))
			folder := sampleFolder(t, 2, 1, 0)
			require.NoError(t, os.Chtimes(filepath.Join(folder, "a.txt"), time.Unix(1, 0), time.Unix(1, 0)))
			require.NoError(t, kind.write(&other, folder, "top", commitTime.In(time.FixedZone("elsewhere", 3600))))
			require.Equal(t, one.Bytes(), other.Bytes())
		})
		t.Run(name+" takes no links", func(t *testing.T) {
			folder := sampleFolder(t, 0, 1, 2)
			require.NoError(t, os.Symlink("a.txt", filepath.Join(folder, "link")))
			require.ErrorContains(t, kind.write(io.Discard, folder, "top", commitTime), "top/link")
		})
	}
}
