// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package file

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/receiver"
)

func contentOf(t testing.TB, name string) string {
	t.Helper()
	content, err := os.ReadFile(name)
	require.NoError(t, err)
	return string(content)
}

func requireRefused(t testing.TB, err error, reason string, cause error) {
	t.Helper()
	refusal, ok := errors.AsType[*receiver.Refusal](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, reason, refusal.Reason)
	require.True(t, refusal.Retry)
	require.ErrorIs(t, err, cause)
}

// mover is what someone does to an output file while it is in use, and what Commit
// then says of the records that were written just before.
type mover struct {
	do      func(t *testing.T, name string)
	reason  string // by which they are refused; empty if they are confirmed
	cause   error
	at      string // what the file of the name holds in the end, and
	another string // the one that it was moved to
}

func TestAFileThatIsNotInItsPlaceAnyMoreConfirmsNothingIntoNowhere(t *testing.T) {
	rename := func(t *testing.T, name string) {
		t.Helper()
		require.NoError(t, os.Rename(name, name+".1"))
	}
	for name, test := range map[string]mover{
		"moved": {do: rename, at: "3\n4\n", another: "old\n1\n2\n"},
		"moved, and another one put there": {do: func(t *testing.T, name string) {
			t.Helper()
			rename(t, name)
			require.NoError(t, os.WriteFile(name, []byte("new\n"), 0o600))
		}, at: "new\n3\n4\n", another: "old\n1\n2\n"},
		"removed, with another name": {do: func(t *testing.T, name string) {
			t.Helper()
			require.NoError(t, os.Link(name, name+".1"))
			require.NoError(t, os.Remove(name))
		}, at: "3\n4\n", another: "old\n1\n2\n"},
		"removed": {do: func(t *testing.T, name string) {
			t.Helper()
			require.NoError(t, os.Remove(name))
		}, reason: "output was removed", cause: errRemoved, at: "3\n4\n"},
		"replaced": {do: func(t *testing.T, name string) {
			t.Helper()
			require.NoError(t, os.WriteFile(name+".new", []byte("new\n"), 0o600))
			require.NoError(t, os.Rename(name+".new", name))
		}, reason: "output was removed", cause: errRemoved, at: "new\n3\n4\n"},
		"copied and emptied": {do: func(t *testing.T, name string) {
			t.Helper()
			require.NoError(t, os.WriteFile(name+".1", []byte(contentOf(t, name)), 0o600))
			require.NoError(t, os.Truncate(name, 0))
		}, reason: "output failed", cause: errCut, at: "3\n4\n", another: "old\n1\n2\n"},
		"cut in the middle of a line": {do: func(t *testing.T, name string) {
			t.Helper()
			require.NoError(t, os.Truncate(name, 2))
		}, reason: "output failed", cause: errCut, at: "ol\n3\n4\n"},
	} {
		for _, unsynced := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, unsynced=%v", name, unsynced), func(t *testing.T) {
				name := filepath.Join(t.TempDir(), "out.ndjson")
				require.NoError(t, os.WriteFile(name, []byte("old\n"), 0o600))
				s, err := open(name, unsynced)
				require.NoError(t, err)
				consumeAll(t, s, "1")
				require.NoError(t, s.Commit(t.Context()))
				consumeAll(t, s, "2")
				test.do(t, name)
				if err := s.Commit(t.Context()); test.reason == "" {
					require.NoError(t, err)
				} else {
					requireRefused(t, err, test.reason, test.cause)
					require.Equal(t, test.reason, s.Failed().Reason)
				}
				consumeAll(t, s, "3")
				require.NoError(t, s.Commit(t.Context()))
				consumeAll(t, s, "4")
				require.NoError(t, s.Commit(t.Context()))
				require.Nil(t, s.Failed())
				require.Empty(t, s.earlier)
				require.NoError(t, s.Close())
				require.Equal(t, test.at, contentOf(t, name))
				if test.another != "" {
					require.Equal(t, test.another, contentOf(t, name+".1"))
				}
			})
		}
	}
}

func TestAFileThatWasMovedBetweenCommitsIsNotWrittenTo(t *testing.T) {
	name := filepath.Join(t.TempDir(), "out.ndjson")
	s, err := Open(name)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	commit := func(record string) {
		t.Helper()
		consumeAll(t, s, record)
		require.NoError(t, s.Commit(t.Context()))
	}
	commit("1")
	require.NoError(t, os.Rename(name, name+".1"))
	commit("2")
	require.NoError(t, os.Remove(name))
	commit("3")
	require.NoError(t, os.Truncate(name, 0)) // a rotation that copies and empties
	commit("4")
	require.NoError(t, os.Truncate(name, 1))
	commit("5")
	require.Equal(t, "1\n", contentOf(t, name+".1"))
	require.Equal(t, "4\n5\n", contentOf(t, name), "what was left of a line is ended")
}

func TestAFileThatIsMovedDuringASyncIsWrittenToNoMore(t *testing.T) {
	d, s := storeOn(t, "")
	consumeAll(t, s, "1")
	d.inSync = func() {
		d.inSync = nil
		consumeAll(t, s, "2")
		require.NoError(t, os.Rename(d.name, d.name+".1"))
		require.NoError(t, os.WriteFile(d.name, nil, 0o600))
	}
	require.NoError(t, s.Commit(t.Context()))
	require.Len(t, s.earlier, 1, "it has a record that waits for a sync")
	consumeAll(t, s, "3")
	require.NoError(t, s.Commit(t.Context()))
	require.Equal(t, 3, d.syncs)
	require.Empty(t, s.earlier)
	require.Equal(t, "1\n2\n", contentOf(t, d.name+".1"))
	require.Equal(t, "3\n", contentOf(t, d.name))
}

func TestAMovedFileIsRefusedIfItIsRemovedBeforeItsLastSync(t *testing.T) {
	name := filepath.Join(t.TempDir(), "out.ndjson")
	s, err := Open(name)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	consumeAll(t, s, "1")
	require.NoError(t, os.Rename(name, name+".1"))
	require.NoError(t, s.Reopen())
	consumeAll(t, s, "2")
	require.NoError(t, os.Remove(name+".1"))
	requireRefused(t, s.Commit(t.Context()), "output was removed", errRemoved)
	consumeAll(t, s, "1", "2")
	require.NoError(t, s.Commit(t.Context()))
	require.Equal(t, "1\n2\n", contentOf(t, name), "what was refused was cut off, and came again")
	_, err = os.Stat(name + ".1")
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestAnOutputWhoseFolderIsGoneRefuses(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "folder")
	require.NoError(t, os.Mkdir(folder, 0o700))
	name := filepath.Join(folder, "out.ndjson")
	s, err := Open(name)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	consumeAll(t, s, "1")
	require.NoError(t, os.Rename(folder, folder+".old"))
	require.NoError(t, s.Commit(t.Context()), "it is on disk, elsewhere")
	require.Equal(t, "output failed", s.Failed().Reason, "although nothing was refused yet")
	requireRefused(t, s.Consume(t.Context(), messageOf("2")), "output failed", os.ErrNotExist)
	requireRefused(t, s.Reopen(), "output failed", os.ErrNotExist)
	require.NoError(t, os.Mkdir(folder, 0o700))
	require.NoError(t, s.Reopen())
	consumeAll(t, s, "2")
	require.NoError(t, s.Commit(t.Context()))
	require.Nil(t, s.Failed())
	require.Equal(t, "1\n", contentOf(t, filepath.Join(folder+".old", "out.ndjson")))
	require.Equal(t, "2\n", contentOf(t, name))
}

func TestReopen(t *testing.T) {
	t.Run("goes on in a new file of the name", func(t *testing.T) {
		name := filepath.Join(t.TempDir(), "out.ndjson")
		s, err := Open(name)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, s.Close()) })
		consumeAll(t, s, "1")
		require.NoError(t, s.Reopen())
		consumeAll(t, s, "2")
		require.NoError(t, os.Rename(name, name+".1"))
		require.NoError(t, s.Reopen())
		require.Empty(t, contentOf(t, name), "it is there at once")
		consumeAll(t, s, "3")
		require.NoError(t, s.Commit(t.Context()))
		require.Equal(t, "1\n2\n", contentOf(t, name+".1"))
		require.Equal(t, "3\n", contentOf(t, name))
	})
	t.Run("opens only regular files", func(t *testing.T) {
		name := filepath.Join(t.TempDir(), "out.ndjson")
		s, err := Open(name)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, s.Close()) })
		require.NoError(t, os.Remove(name))
		require.NoError(t, os.Symlink("/dev/null", name))
		require.ErrorContains(t, s.Reopen(), "not a regular file")
	})
	t.Run("does nothing for a writer", func(t *testing.T) {
		require.NoError(t, New(&flaky{stopAfter: -1}).Reopen())
	})
}

func TestAFolderGoesOnInAnotherFileWhenItsNewestIsMovedOrRemoved(t *testing.T) {
	const first, second, third = "records-2021-02-05T221709.000Z.ndjson", "records-2021-02-05T221709.001Z.ndjson", "records-2021-02-05T221709.002Z.ndjson"
	dir := t.TempDir()
	s := folderStore(t, dir, 100, clockAt("2021-02-05T22:17:09Z"))
	consumeAll(t, s, "1")
	require.NoError(t, os.Rename(filepath.Join(dir, first), filepath.Join(dir, "moved")))
	require.NoError(t, s.Commit(t.Context()))
	consumeAll(t, s, "2")
	require.NoError(t, os.Remove(filepath.Join(dir, second)))
	requireRefused(t, s.Commit(t.Context()), "output was removed", errRemoved)
	consumeAll(t, s, "2")
	require.NoError(t, s.Commit(t.Context()))
	require.Equal(t, map[string]string{"moved": "1\n", third: "2\n"}, filesIn(t, dir))
}

// After a sync that failed, the records since the one before are refused; of a file
// that was moved away they stay, since it belongs to whoever moved it.
func TestAFailedSyncOfAMovedFile(t *testing.T) {
	d, s := storeOn(t, "")
	consumeAll(t, s, "1")
	d.syncErr = errDisk
	require.NoError(t, os.Rename(d.name, d.name+".1"))
	requireRefused(t, s.Commit(t.Context()), "output failed", errDisk)
	d.syncErr = nil
	consumeAll(t, s, "1")
	require.NoError(t, s.Commit(t.Context()))
	require.Equal(t, "1\n", contentOf(t, d.name))
	require.Equal(t, "1\n", contentOf(t, d.name+".1"))
}
