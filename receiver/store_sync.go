// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// recoverInterval keeps a broken disk from being tried for every message.
const recoverInterval = time.Second

// syncState is what a Store knows of bytes that may not be on disk. It is
// guarded by the Store's mu.
//
// After a failed fsync the kernel may have dropped the pages that it could not
// write, or marked them clean: another fsync of the same file then succeeds
// without them, and what one reads back may come from memory that is about to be
// given up. So nothing that was written since the last good sync is believed to
// be there, whatever a later sync says. It is cut off, from the file opened anew,
// and until that is on disk records are refused with Retry. Whoever consumed it
// learns from Commit's error that it is gone: the Handler has all of it sent
// again. To keep a copy here and write that instead would take as much memory as
// a sync takes time, and bring twice what the clients hold anyway.
type syncState struct {
	open          func() (regularFile, error) // nil if the store does not sync
	unsyncedBytes int64                       // how many of the file's last bytes are not synced
	broken        error                       // the failure after which the file is not trusted
	recoverAt     time.Time                   // when to try next
}

// Commit syncs the file. nil means that everything that was consumed before is
// on disk. After a failure, which is a Refusal with Retry, everything that was
// consumed since the last Commit that did not fail is gone, what was consumed
// while it ran included. It is made for Options.Commit. It does nothing for a
// Store that was not opened with OpenStore, or whose output is a pipe or a device.
func (s *Store) Commit(context.Context) error {
	s.commits.Lock()
	defer s.commits.Unlock()
	s.mu.Lock()
	if s.sync.open == nil {
		s.mu.Unlock()
		return nil
	}
	if s.sync.broken != nil {
		defer s.mu.Unlock()
		return s.recoverLocked(time.Now())
	}
	// Writing goes on during the sync. The file is not replaced meanwhile: that
	// takes a failed one.
	file, bytes := s.file, s.sync.unsyncedBytes
	s.mu.Unlock()
	if bytes == 0 {
		return nil
	}
	err := file.Sync()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.sync.broken = fmt.Errorf("sync output: %w", err)
		s.sync.recoverAt = time.Time{} // the first attempt need not wait
		return s.failedLocked(s.sync.broken)
	}
	s.sync.unsyncedBytes -= bytes
	return nil
}

// recoverLocked gets the store out of the state after a failed sync, or says
// why not. Without such a state it does nothing.
func (s *Store) recoverLocked(now time.Time) error {
	if s.sync.broken == nil {
		return nil
	}
	if now.After(s.sync.recoverAt) {
		err := s.reopenLocked()
		if err == nil {
			s.sync.broken, s.failed = nil, nil
			return nil
		}
		s.sync.broken = err
		s.sync.recoverAt = time.Now().Add(recoverInterval)
	}
	return s.failedLocked(s.sync.broken)
}

// reopenLocked goes on in the file that has the name by now: a log rotation may
// have put another one in its place, and then there is nothing to cut off.
func (s *Store) reopenLocked() error {
	before, err := s.file.Stat()
	if err != nil {
		return fmt.Errorf("open output: %w", err)
	}
	file, err := s.sync.open()
	if err != nil {
		return fmt.Errorf("open output: %w", err)
	}
	after, err := file.Stat()
	if err == nil && os.SameFile(before, after) {
		err = cutBack(file, s.sync.unsyncedBytes)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("cut output back: %w", err), file.Close())
	}
	_ = s.file.Close() // it has no news: its sync has failed
	s.file, s.out, s.closer = file, file, file
	s.sync.unsyncedBytes = 0
	if err := file.Sync(); err != nil {
		return fmt.Errorf("sync output: %w", err)
	}
	if s.torn, err = endsTorn(file); err != nil {
		return fmt.Errorf("read output: %w", err)
	}
	return nil
}

func syncFolder(name string) error {
	if runtime.GOOS == "windows" {
		return nil // a folder can't be synced there, and need not be
	}
	folder, err := os.Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
