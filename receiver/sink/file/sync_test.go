// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package file

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/receiver"

	"filebeat-websocket/protocol"
)

// disk is the place of files that fail as a test says. A sync that fails takes
// the bytes since the last one with it, as the kernel may: onDisk is what is
// left.
type disk struct {
	name    string
	onDisk  string
	syncErr error
	openErr error
	inSync  func() // runs at the beginning of a Sync
	opened  int
	syncs   int
}

type diskFile struct {
	*os.File
	disk *disk
}

func (f *diskFile) Sync() error {
	f.disk.syncs++
	if f.disk.inSync != nil {
		f.disk.inSync()
	}
	if f.disk.syncErr != nil {
		return f.disk.syncErr
	}
	content, err := os.ReadFile(f.disk.name)
	f.disk.onDisk = string(content)
	return errors.Join(err, f.File.Sync())
}

func (d *disk) open(string) (regularFile, error) {
	if d.openErr != nil {
		return nil, d.openErr
	}
	d.opened++
	file, err := openFile(d.name)
	return &diskFile{file, d}, err
}

// storeOn opens a store as Open does, on a disk.
func storeOn(t testing.TB, content string) (*disk, *Sink) {
	t.Helper()
	d := &disk{name: filepath.Join(t.TempDir(), "out.ndjson"), onDisk: content}
	require.NoError(t, os.WriteFile(d.name, []byte(content), 0o600))
	s, err := Open(d.name)
	require.NoError(t, err)
	require.NoError(t, s.current.file.Close())
	s.current.file, err = d.open(d.name)
	require.NoError(t, err)
	s.open = d.open
	t.Cleanup(func() { _ = s.Close() })
	return d, s
}

var errDisk = fmt.Errorf("sync: %w", syscall.EIO)

func TestCommitSyncsOnceForAllThatCameBefore(t *testing.T) {
	d, s := storeOn(t, "old\n")
	require.NoError(t, s.Commit(t.Context()))
	require.Zero(t, d.syncs, "there is nothing to sync")
	require.NoError(t, s.Consume(t.Context(), messageOf("1")))
	require.NoError(t, s.Consume(t.Context(), messageOf("2")))
	require.NoError(t, s.Commit(t.Context()))
	require.Equal(t, "old\n1\n2\n", d.onDisk)
	require.Equal(t, 1, d.syncs)
	d.inSync = func() { require.NoError(t, s.Consume(t.Context(), messageOf("4")), "writing goes on meanwhile") }
	require.NoError(t, s.Consume(t.Context(), messageOf("3")))
	require.NoError(t, s.Commit(t.Context()))
	d.inSync = nil
	require.EqualValues(t, 2, s.current.unsyncedBytes, "it is for the next one")
	require.NoError(t, s.Commit(t.Context()))
	require.Equal(t, "old\n1\n2\n3\n4\n", d.onDisk)
	require.Equal(t, 3, d.syncs)
	require.Nil(t, s.Failed())
}

func TestAfterAFailedSyncNothingSinceTheOneBeforeIsBelieved(t *testing.T) {
	fail := func(t *testing.T, content string) (*disk, *Sink) {
		t.Helper()
		d, s := storeOn(t, content)
		require.NoError(t, s.Consume(t.Context(), messageOf("1")))
		require.NoError(t, s.Commit(t.Context()))
		require.NoError(t, s.Consume(t.Context(), messageOf("2")))
		d.syncErr = errDisk
		d.inSync = func() { require.NoError(t, s.Consume(t.Context(), messageOf("3"))) }
		err := s.Commit(t.Context())
		d.inSync = nil
		refusal := (*receiver.Refusal)(nil)
		require.ErrorAs(t, err, &refusal)
		require.True(t, refusal.Retry)
		require.Equal(t, "output failed", refusal.Reason)
		require.ErrorIs(t, err, syscall.EIO)
		require.Equal(t, refusal, s.Failed())
		return d, s
	}
	t.Run("it is cut off by the next Commit", func(t *testing.T) {
		d, s := fail(t, "old\n")
		d.syncErr = nil
		require.NoError(t, s.Commit(t.Context()))
		require.Equal(t, "old\n1\n", d.onDisk)
		require.Equal(t, 2, d.opened)
		require.Nil(t, s.Failed())
		require.NoError(t, s.Consume(t.Context(), messageOf("4")))
		require.NoError(t, s.Commit(t.Context()))
		require.Equal(t, "old\n1\n4\n", d.onDisk)
	})
	t.Run("or before another record is taken", func(t *testing.T) {
		d, s := fail(t, "old\n")
		d.syncErr = nil
		require.NoError(t, s.Consume(t.Context(), messageOf("4")))
		require.Equal(t, "old\n1\n", d.onDisk)
		require.NoError(t, s.Commit(t.Context()))
		require.Equal(t, "old\n1\n4\n", d.onDisk)
	})
	t.Run("and as long as that fails, records are refused and the disk is spared", func(t *testing.T) {
		d, s := fail(t, "")
		require.ErrorIs(t, s.Consume(t.Context(), messageOf("4")), syscall.EIO)
		require.Equal(t, 2, d.opened)
		for range 10 {
			require.ErrorIs(t, s.Consume(t.Context(), messageOf("4")), syscall.EIO)
			require.ErrorIs(t, s.Commit(t.Context()), syscall.EIO)
		}
		require.Equal(t, 2, d.opened, "not tried at once again")
		d.openErr = syscall.ENOSPC
		s.sync.recoverAt = time.Time{}
		err := s.Commit(t.Context())
		require.ErrorIs(t, err, syscall.ENOSPC)
		require.Equal(t, "disk full", s.Failed().Reason)
		d.openErr, d.syncErr = nil, nil
		s.sync.recoverAt = time.Time{}
		require.NoError(t, s.Consume(t.Context(), messageOf("4")))
		require.NoError(t, s.Commit(t.Context()))
		require.Equal(t, "1\n4\n", d.onDisk)
	})
	t.Run("but a file that a log rotation has put there is not cut", func(t *testing.T) {
		d, s := fail(t, "")
		require.NoError(t, os.Rename(d.name, d.name+".1"))
		require.NoError(t, os.WriteFile(d.name, []byte("new\n"), 0o600))
		d.syncErr = nil
		require.NoError(t, s.Consume(t.Context(), messageOf("4")))
		require.NoError(t, s.Commit(t.Context()))
		require.Equal(t, "new\n4\n", d.onDisk)
	})
	t.Run("nor more than there is of a file that was emptied", func(t *testing.T) {
		d, s := fail(t, "")
		require.NoError(t, os.Truncate(d.name, 0))
		d.syncErr = nil
		require.NoError(t, s.Consume(t.Context(), messageOf("4")))
		require.NoError(t, s.Commit(t.Context()))
		require.Equal(t, "4\n", d.onDisk)
	})
	t.Run("not after Close", func(t *testing.T) {
		_, s := fail(t, "")
		require.NoError(t, s.Close())
		require.ErrorIs(t, s.Commit(t.Context()), os.ErrClosed)
	})
}

func TestAnUnsyncedSinkDoesNotSync(t *testing.T) {
	d, s := storeOn(t, "")
	s.unsynced = true
	require.NoError(t, s.Consume(t.Context(), messageOf("1")))
	require.NoError(t, s.Commit(t.Context()))
	require.Zero(t, d.syncs)
	require.Zero(t, s.current.unsyncedBytes)
}

func TestOutOfSpaceIsADiskFullWhateverTheSystemCallsIt(t *testing.T) {
	for cause, want := range map[error]string{
		syscall.ENOSPC: "disk full", syscall.EDQUOT: "disk full", syscall.EFBIG: "disk full", syscall.EIO: "output failed",
	} {
		refusal := new(Sink).failedLocked(fmt.Errorf("write output: %w", cause))
		require.Equal(t, want, refusal.Reason)
		require.Equal(t, want == "disk full", refusal.Pause == retryInterval, "it asks for a pause until space may have been made")
		require.True(t, refusal.Retry)
	}
}

// TestAHandlerOnADiskThatFails is the whole way: what is acked is on disk.
func TestAHandlerOnADiskThatFails(t *testing.T) {
	d, s := storeOn(t, "")
	ws := connect(t, s, protocol.Subprotocol)
	send(t, ws, `{"n":1}`)
	require.Equal(t, `{"ack":1}`, reply(t, ws))
	require.Equal(t, "{\"n\":1}\n", d.onDisk)
	d.syncErr = errDisk
	send(t, ws, `{"n":2}`)
	require.Equal(t, `{"nack":2,"reason":"output failed","retry":true}`, reply(t, ws))
	send(t, ws, `{"n":3}`)
	require.Equal(t, `{"nack":3,"reason":"output failed","retry":true}`, reply(t, ws))
	d.syncErr = nil
	s.mutex.Lock()
	s.sync.recoverAt = time.Time{}
	s.mutex.Unlock()
	send(t, ws, `{"n":2}`)
	require.Equal(t, `{"ack":4}`, reply(t, ws))
	send(t, ws, `{"n":3}`)
	require.Equal(t, `{"ack":5}`, reply(t, ws))
	require.Equal(t, "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n", d.onDisk)
}
