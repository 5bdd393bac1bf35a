// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package file

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"
)

// retryInterval is the minimum time between attempts to recover a broken disk, and the
// pause that clients of a full one are asked for.
const retryInterval = time.Second

// syncState tracks bytes that may not be on disk. It is guarded by the Sink's mutex.
//
// After a failed fsync the kernel may have dropped the pages that it could not write,
// or marked them clean: another fsync of the same file then succeeds without them, and
// reading the file may return memory that the kernel is about to discard. So bytes that
// were written since the last good sync do not count as stored, even if a later sync
// succeeds. The file is opened again and cut back to that sync, and until the cut is on
// disk records are refused with Retry. Commit's error tells the caller that the records
// are gone, and the Handler has all of them sent again. Keeping a copy here to write
// again would need memory for everything that arrives during a sync, which the clients
// keep anyway.
type syncState struct {
	broken    error     // the failure since which the files are not trusted
	recoverAt time.Time // when to try next
}

// Commit syncs what was written. nil means that everything that was consumed before is
// on disk, in files that have a name. An error is a Refusal with Retry: everything that
// was consumed since the last good Commit is gone, including what was consumed while
// this Commit ran. Without syncing it only checks that the files are still there. It
// does nothing if the output is a pipe, a device or New's writer.
//
// A file that was moved away is synced and confirmed where it is, and another one is
// opened by the old name. What was written to a file that was removed, or cut short, is
// refused.
func (s *Sink) Commit(context.Context) error {
	s.commits.Lock()
	defer s.commits.Unlock()
	s.mutex.Lock()
	if s.open == nil {
		s.mutex.Unlock()
		return nil
	}
	if s.sync.broken != nil {
		defer s.mutex.Unlock()
		return s.recoverLocked()
	}
	round := s.unsyncedLocked()
	s.mutex.Unlock()
	if len(round) == 0 {
		return nil
	}
	// Writing goes on during the sync, and may rotate: a file with unsynced bytes then
	// stays open. No file is opened again: only a failed Commit does that.
	var err error
	if !s.unsynced {
		err = syncAll(round)
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if err == nil {
		err = verifyAll(round)
	}
	if err != nil {
		s.sync.broken = err
		s.sync.recoverAt = time.Time{} // the first attempt need not wait
		return s.failedLocked(err)
	}
	for _, part := range round {
		part.segment.unsyncedBytes -= part.bytes
		part.segment.unlisted = false
	}
	s.closeSyncedLocked()
	if err := s.reopenNamedLocked(); err != nil {
		_ = s.failedLocked(err) // what was committed is safe; the next record is refused
	}
	return nil
}

// unsyncedPart is the part of a file that one Commit has to sync.
type unsyncedPart struct {
	segment *segmentFile
	file    regularFile
	bytes   int64
	folder  string // to be synced too, if not empty
}

func (s *Sink) unsyncedLocked() []unsyncedPart {
	var round []unsyncedPart
	for _, segment := range s.segmentsLocked() {
		if segment.unsyncedBytes == 0 {
			continue
		}
		part := unsyncedPart{segment: segment, file: segment.file, bytes: segment.unsyncedBytes}
		if segment.unlisted {
			part.folder = filepath.Dir(segment.name)
		}
		round = append(round, part)
	}
	return round
}

func syncAll(round []unsyncedPart) error {
	for _, part := range round {
		if err := part.file.Sync(); err != nil {
			return fmt.Errorf("sync output: %w", err)
		}
		if part.folder == "" {
			continue
		}
		if err := syncFolder(part.folder); err != nil {
			return fmt.Errorf("sync output: %w", err)
		}
	}
	return nil
}

func verifyAll(round []unsyncedPart) error {
	for _, part := range round {
		if err := part.segment.verify(); err != nil {
			return err
		}
	}
	return nil
}

func (s *Sink) closeSyncedLocked() {
	s.earlier = slices.DeleteFunc(s.earlier, func(segment *segmentFile) bool {
		if segment.unsyncedBytes > 0 {
			return false
		}
		_ = segment.file.Close() // what it holds is on disk
		return true
	})
}

// recoverLocked ends the state after a failed Commit, or returns why it cannot. Without
// such a state it does nothing.
func (s *Sink) recoverLocked() error {
	if s.sync.broken == nil {
		return nil
	}
	if time.Now().After(s.sync.recoverAt) {
		err := s.reopenLocked()
		if err == nil {
			s.sync.broken, s.failed = nil, nil
			return nil
		}
		s.sync.broken = err
		s.sync.recoverAt = time.Now().Add(retryInterval)
	}
	return s.failedLocked(s.sync.broken)
}

// reopenLocked cuts off the bytes that no Commit has covered, and opens the file that has
// the output's name now: a log rotation may have put another one there. Files that were
// moved away are not cut: they no longer belong to the Sink.
func (s *Sink) reopenLocked() error {
	var left []*segmentFile
	for _, segment := range s.segmentsLocked() {
		where, _, err := segment.place()
		switch {
		case err != nil:
			return err
		case where != inPlace:
			left = append(left, segment)
		default:
			if err := s.reopenSegment(segment); err != nil {
				return err
			}
		}
	}
	for _, segment := range left {
		segment.unsyncedBytes = 0 // refused
		if segment == s.current {
			s.leaveLocked()
		}
	}
	s.closeSyncedLocked()
	if s.current == nil {
		s.torn = false
		return s.reopenNamedLocked()
	}
	var err error
	if s.torn, err = endsTorn(s.current.file); err != nil {
		return fmt.Errorf("read output: %w", err)
	}
	return nil
}

// reopenSegment cuts off the bytes that no Commit has covered from a file that still has
// its name. If another program has cut it short, it is unknown where these begin.
func (s *Sink) reopenSegment(segment *segmentFile) error {
	file, err := s.open(segment.name)
	if err != nil {
		return fmt.Errorf("open output: %w", err)
	}
	var left int64
	info, err := file.Stat()
	if err == nil {
		cut := segment.unsyncedBytes
		if info.Size() < segment.bytes {
			cut = 0
		}
		left, err = cutBack(file, cut)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("cut output back: %w", err), file.Close())
	}
	_ = segment.file.Close() // its sync has failed already
	segment.file, segment.bytes, segment.unsyncedBytes = file, left, 0
	if s.unsynced {
		return nil
	}
	if err := file.Sync(); err != nil {
		return fmt.Errorf("sync output: %w", err)
	}
	return nil
}

func syncFolder(name string) error {
	if runtime.GOOS == "windows" {
		return nil // a folder can't be synced there, and need not be
	}
	folder, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
