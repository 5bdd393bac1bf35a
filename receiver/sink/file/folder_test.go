// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package file

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/receiver"

	"filebeat-websocket/protocol"
)

// clock is what a folder takes for the time.
type clock struct{ time.Time }

func (c *clock) now() time.Time { return c.Time }

func clockAt(text string) *clock {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		panic(err)
	}
	return &clock{at}
}

func folderStore(t testing.TB, name string, rotateBytes int64, c *clock) *Sink {
	t.Helper()
	s, err := openFolder(&rotation{name: name, rotateBytes: rotateBytes, now: c.now}, false)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// filesIn returns what is in each file, by its name.
func filesIn(t testing.TB, folder string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	files := map[string]string{}
	for _, entry := range entries {
		if entry.Name() == lockFileName {
			continue
		}
		content, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		require.NoError(t, err)
		files[entry.Name()] = string(content)
	}
	return files
}

func consumeAll(t testing.TB, s *Sink, records ...string) {
	t.Helper()
	for _, record := range records {
		require.NoError(t, s.Consume(t.Context(), messageOf(record)))
	}
}

func TestAFolderRotates(t *testing.T) {
	t.Run("before a file gets too long", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "new", "records")
		c := clockAt("2021-02-05T22:17:09.1239Z")
		s := folderStore(t, dir, 6, c)
		require.Empty(t, filesIn(t, dir), "no file without a record")
		consumeAll(t, s, "1", "22", "3") // 2, 3 and 2 bytes
		c.Time = c.Add(time.Second)
		consumeAll(t, s, "longer than 6 bytes", "4")
		require.Equal(t, map[string]string{
			"records-2021-02-05T221709.123Z.ndjson": "1\n22\n",
			"records-2021-02-05T221709.124Z.ndjson": "3\n",
			"records-2021-02-05T221710.123Z.ndjson": "longer than 6 bytes\n",
			"records-2021-02-05T221710.124Z.ndjson": "4\n",
		}, filesIn(t, dir))
		info, err := os.Stat(dir)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
		info, err = os.Stat(s.current.name)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
		require.Len(t, s.earlier, 3, "they wait for a sync")
		require.NoError(t, s.Commit(t.Context()))
		require.Empty(t, s.earlier)
		require.NoError(t, s.Consume(t.Context(), messageOf("5")))
		require.NoError(t, s.Commit(t.Context()))
		require.NoError(t, s.Close())
		require.Error(t, s.Consume(t.Context(), messageOf("6")))
	})
	t.Run("with the day of UTC, and not back with a clock", func(t *testing.T) {
		dir := t.TempDir()
		c := clockAt("2021-02-05T23:59:59.999+00:00")
		s := folderStore(t, dir, 100, c)
		consumeAll(t, s, "1", "2")
		c.Time = c.Add(time.Millisecond).In(time.FixedZone("behind", -3600))
		consumeAll(t, s, "3")
		c.Time = c.Add(-time.Hour)
		consumeAll(t, s, "4", strings.Repeat("x", 100))
		require.Equal(t, map[string]string{
			"records-2021-02-05T235959.999Z.ndjson": "1\n2\n",
			"records-2021-02-06T000000.000Z.ndjson": "3\n4\n",
			"records-2021-02-06T000000.001Z.ndjson": strings.Repeat("x", 100) + "\n",
		}, filesIn(t, dir))
	})
	t.Run("and lets go of what is not to be synced with the next Commit", func(t *testing.T) {
		c := clockAt("2021-02-05T22:17:09Z")
		s, err := openFolder(&rotation{name: t.TempDir(), rotateBytes: 2, now: c.now}, true)
		require.NoError(t, err)
		consumeAll(t, s, "1", "2")
		require.NoError(t, s.Commit(t.Context()))
		require.Empty(t, s.earlier)
		require.NoError(t, s.Close())
	})
}

func TestAFolderGoesOnWhereAnotherLeft(t *testing.T) {
	const today, room = "2021-02-05T23:00:00Z", 100
	long := strings.Repeat("x", room)
	for name, test := range map[string]struct{ before, after map[string]string }{
		"in the newest file": {
			map[string]string{"records-2021-02-05T100000.000Z.ndjson": "a\n", "records-2021-02-05T110000.000Z.ndjson": "b\n"},
			map[string]string{"records-2021-02-05T100000.000Z.ndjson": "a\n", "records-2021-02-05T110000.000Z.ndjson": "b\nnew\n"},
		},
		"in another if that is of another day": {
			map[string]string{"records-2021-02-04T235959.999Z.ndjson": "a\n"},
			map[string]string{"records-2021-02-04T235959.999Z.ndjson": "a\n", "records-2021-02-05T230000.000Z.ndjson": "new\n"},
		},
		"or if that is full": {
			map[string]string{"records-2021-02-05T100000.000Z.ndjson": long + "\n"},
			map[string]string{"records-2021-02-05T100000.000Z.ndjson": long + "\n", "records-2021-02-05T230000.000Z.ndjson": "new\n"},
		},
		"in one with a later name than now": {
			map[string]string{"records-2021-02-06T100000.000Z.ndjson": "a\n"},
			map[string]string{"records-2021-02-06T100000.000Z.ndjson": "a\nnew\n"},
		},
		"cutting off half lines, and zeros": {
			map[string]string{
				"records-2021-02-04T100000.000Z.ndjson": "a\nhal", "records-2021-02-05T100000.000Z.ndjson": "half",
				"records-2021-02-05T110000.000Z.ndjson": "b\n" + strings.Repeat("\x00", 200_000),
			},
			map[string]string{
				"records-2021-02-04T100000.000Z.ndjson": "a\n", "records-2021-02-05T100000.000Z.ndjson": "",
				"records-2021-02-05T110000.000Z.ndjson": "b\nnew\n",
			},
		},
		"leaving alone what it has not written": {
			map[string]string{"records-2021-02-05.ndjson": "half", "other": "half"},
			map[string]string{"records-2021-02-05.ndjson": "half", "other": "half", "records-2021-02-05T230000.000Z.ndjson": "new\n"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, content := range test.before {
				require.NoError(t, os.WriteFile(filepath.Join(dir, file), []byte(content), 0o600))
			}
			s := folderStore(t, dir, room, clockAt(today))
			consumeAll(t, s, "new")
			require.NoError(t, s.Commit(t.Context()))
			require.NoError(t, s.Close())
			require.Equal(t, test.after, filesIn(t, dir))
		})
	}
	t.Run("OpenFolder says what is wrong", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "file")
		require.NoError(t, os.WriteFile(file, nil, 0o600))
		_, err := OpenFolder(file, FolderOptions{})
		require.ErrorContains(t, err, "open output: mkdir "+file)
		_, err = OpenFolder(file, FolderOptions{RotateBytes: -1})
		require.ErrorContains(t, err, "RotateBytes")
	})
	t.Run("OpenFolder writes to a file of this day", func(t *testing.T) {
		dir := t.TempDir()
		s, err := OpenFolder(dir, FolderOptions{})
		require.NoError(t, err)
		consumeAll(t, s, "1")
		require.NoError(t, s.Commit(t.Context()))
		require.NoError(t, s.Close())
		for name, content := range filesIn(t, dir) {
			begun, err := time.Parse(segmentLayout, name)
			require.NoError(t, err)
			require.WithinDuration(t, time.Now(), begun, time.Minute)
			require.Equal(t, "1\n", content)
		}
	})
}

// diskFolder has each file of a folder store fail its syncs on demand.
type diskFolder struct {
	err   error
	syncs []string // base names
}

type folderFile struct {
	regularFile
	name string
	disk *diskFolder
}

func (f *folderFile) Sync() error {
	f.disk.syncs = append(f.disk.syncs, filepath.Base(f.name))
	if f.disk.err != nil {
		return f.disk.err
	}
	return f.regularFile.Sync()
}

// wrap puts the disk under the files that are open.
func (d *diskFolder) wrap(s *Sink) {
	for _, segment := range s.segmentsLocked() {
		if _, is := segment.file.(*folderFile); !is {
			segment.file = &folderFile{segment.file, segment.name, d}
		}
	}
	s.open = func(name string) (regularFile, error) {
		file, err := openFile(name)
		return &folderFile{file, name, d}, err
	}
}

func TestACommitCoversTheFilesBeforeARotation(t *testing.T) {
	const first, second, third = "records-2021-02-05T221709.000Z.ndjson", "records-2021-02-05T221709.001Z.ndjson", "records-2021-02-05T221709.002Z.ndjson"
	begin := func(t *testing.T) (string, *Sink, *diskFolder) {
		t.Helper()
		dir := t.TempDir()
		s := folderStore(t, dir, 8, clockAt("2021-02-05T22:17:09Z"))
		d := &diskFolder{}
		consumeAll(t, s, "old")
		require.NoError(t, s.Commit(t.Context()))
		consumeAll(t, s, "111", "222", "333", "444", "555") // two in the first file's rest and the second
		d.wrap(s)
		return dir, s, d
	}
	t.Run("each is synced once, the oldest first", func(t *testing.T) {
		_, s, d := begin(t)
		require.NoError(t, s.Commit(t.Context()))
		require.Equal(t, []string{first, second, third}, d.syncs)
		require.NoError(t, s.Commit(t.Context()))
		require.Len(t, d.syncs, 3)
		require.Empty(t, s.earlier)
	})
	t.Run("after a sync that failed, all of them are cut back", func(t *testing.T) {
		dir, s, d := begin(t)
		d.err = errDisk
		require.ErrorIs(t, s.Commit(t.Context()), errDisk)
		require.ErrorIs(t, s.Consume(t.Context(), messageOf("5")), errDisk)
		d.err = nil
		s.sync.recoverAt = time.Time{}
		consumeAll(t, s, "666")
		require.NoError(t, s.Commit(t.Context()))
		require.Equal(t, map[string]string{first: "old\n", second: "", third: "666\n"}, filesIn(t, dir))
		require.Empty(t, s.earlier)
	})
	t.Run("a rotation while it syncs is for the next one", func(t *testing.T) {
		_, s, d := begin(t)
		s.mutex.Lock()
		round := s.unsyncedLocked()
		s.mutex.Unlock()
		consumeAll(t, s, "666", "777") // the third file is full
		d.wrap(s)
		require.NoError(t, syncAll(round))
		require.NoError(t, s.Commit(t.Context()))
		require.Equal(t, []string{first, second, third, first, second, third, "records-2021-02-05T221709.003Z.ndjson"}, d.syncs)
	})
}

func TestAFolderThatCanNotBeginAFileRefuses(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "records")
	s := folderStore(t, dir, 100, clockAt("2021-02-05T22:17:09Z"))
	require.NoError(t, os.RemoveAll(dir))
	err := s.Consume(t.Context(), messageOf("1"))
	refusal := (*receiver.Refusal)(nil)
	require.ErrorAs(t, err, &refusal)
	require.True(t, refusal.Retry)
	require.ErrorIs(t, err, syscall.ENOENT)
	require.Equal(t, refusal, s.Failed())
	require.NoError(t, os.Mkdir(dir, 0o700))
	consumeAll(t, s, "1")
	require.Nil(t, s.Failed())
	require.NoError(t, s.Commit(t.Context()))
	require.Equal(t, map[string]string{"records-2021-02-05T221709.000Z.ndjson": "1\n"}, filesIn(t, dir))
}

// TestAHandlerOnAFolder is the whole way, with files of a few bytes.
func TestAHandlerOnAFolder(t *testing.T) {
	dir := t.TempDir()
	s := folderStore(t, dir, 16, clockAt("2021-02-05T22:17:09Z"))
	ws := connect(t, s, protocol.Subprotocol)
	for range 50 {
		send(t, ws, `{"n":1}`)
	}
	for got := ""; got != `{"ack":50}`; {
		got = reply(t, ws)
	}
	files := filesIn(t, dir)
	require.Len(t, files, 25)
	for name, content := range files {
		require.Equal(t, "{\"n\":1}\n{\"n\":1}\n", content, name)
	}
}

func TestEveryFolderThatIsMadeIsSynced(t *testing.T) {
	top := t.TempDir()
	for name, test := range map[string]struct {
		folder string
		fails  error
		want   []string
		err    error
	}{
		"new, in new ones":                  {"a/b/c/", nil, []string{"a/b", "a", ""}, nil},
		"it is there":                       {"a/b/c", nil, []string{"a/b"}, nil},
		"it is there, in one of others":     {"a/b/c", fs.ErrPermission, []string{"a/b"}, nil},
		"it is there, and the disk fails":   {"a/b/c", syscall.EIO, []string{"a/b"}, syscall.EIO},
		"new, and it is not known for sure": {"d", fs.ErrPermission, []string{""}, fs.ErrPermission},
	} {
		t.Run(name, func(t *testing.T) {
			if test.folder == "a/b/c" {
				require.NoError(t, os.MkdirAll(filepath.Join(top, test.folder), 0o700))
			} else {
				require.NoError(t, os.RemoveAll(filepath.Join(top, "a")))
			}
			var synced []string
			err := makeFolder(top+"/"+test.folder, func(folder string) error {
				synced = append(synced, folder)
				return test.fails
			})
			require.ErrorIs(t, err, test.err)
			for i, folder := range test.want {
				test.want[i] = filepath.Join(top, folder)
			}
			require.Equal(t, test.want, synced)
			require.DirExists(t, filepath.Join(top, test.folder))
		})
	}
}
