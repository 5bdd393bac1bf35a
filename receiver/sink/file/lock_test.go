// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package file

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

func inUse(name string) string {
	if runtime.GOOS == "linux" {
		return fmt.Sprintf("open output: %s is in use by process %d", name, os.Getpid())
	}
	return fmt.Sprintf("open output: %s is in use by another process", name)
}

func TestAnOutputIsOpenedOnce(t *testing.T) {
	t.Run("a file", func(t *testing.T) {
		name := filepath.Join(t.TempDir(), "out.ndjson")
		s, err := Open(name)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(name, []byte("half a line that is being written"), 0o600))
		link := filepath.Join(t.TempDir(), "link")
		require.NoError(t, os.Symlink(name, link))
		_, err = Open(name)
		require.EqualError(t, err, inUse(name))
		_, err = OpenUnsynced(link)
		require.EqualError(t, err, inUse(link))
		require.Equal(t, "half a line that is being written", contentOf(t, name), "the second process cuts nothing off")
		require.NoError(t, s.Close())
		again, err := Open(name)
		require.NoError(t, err)
		require.NoError(t, again.Close())
	})
	t.Run("a folder", func(t *testing.T) {
		dir := t.TempDir()
		s, err := OpenFolder(dir, FolderOptions{})
		require.NoError(t, err)
		_, err = OpenFolder(dir, FolderOptions{Unsynced: true})
		require.EqualError(t, err, inUse(filepath.Join(dir, ".lock")))
		require.NoError(t, s.Close())
		again, err := OpenFolder(dir, FolderOptions{})
		require.NoError(t, err)
		require.NoError(t, again.Close())
	})
	t.Run("devices can be shared", func(t *testing.T) {
		for range 2 {
			s, err := Open(os.DevNull)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, s.Close()) })
		}
	})
}

func TestTheLockFollowsTheOutput(t *testing.T) {
	t.Run("to a new file of its name", func(t *testing.T) {
		name := filepath.Join(t.TempDir(), "out.ndjson")
		s, err := Open(name)
		require.NoError(t, err)
		require.NoError(t, os.Rename(name, name+".1"))
		require.NoError(t, s.Reopen())
		_, err = Open(name)
		require.EqualError(t, err, inUse(name))
		another, err := Open(name + ".1")
		require.NoError(t, err, "it is given up")
		require.NoError(t, another.Close())
		require.NoError(t, s.Close())
	})
	t.Run("which may be taken by then", func(t *testing.T) {
		name := filepath.Join(t.TempDir(), "out.ndjson")
		s, err := Open(name)
		require.NoError(t, err)
		require.NoError(t, os.Rename(name, name+".1"))
		another, err := Open(name)
		require.NoError(t, err)
		require.ErrorContains(t, s.Consume(t.Context(), messageOf("1")), "is in use by")
		require.NoError(t, another.Close())
		require.NoError(t, s.Consume(t.Context(), messageOf("1")))
		require.NoError(t, s.Commit(t.Context()))
		require.Equal(t, "1\n", contentOf(t, name))
		require.NoError(t, s.Close())
	})
	t.Run("to a new folder of its name", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "records")
		s := folderStore(t, dir, 2, clockAt("2021-02-05T22:17:09Z"))
		consumeAll(t, s, "1")
		require.NoError(t, s.Commit(t.Context()))
		require.NoError(t, os.Rename(dir, dir+".old"))
		require.NoError(t, os.Mkdir(dir, 0o700))
		consumeAll(t, s, "2")
		require.NoError(t, s.Commit(t.Context()))
		_, err := OpenFolder(dir, FolderOptions{})
		require.ErrorContains(t, err, "is in use by")
		require.Len(t, filesIn(t, dir), 1)
		require.Len(t, filesIn(t, dir+".old"), 1)
	})
}
