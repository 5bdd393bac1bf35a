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
	broken    error     // the failure after which the files are not trusted
	recoverAt time.Time // when to try next
}

// Commit syncs what was written. nil means that everything that was consumed
// before is on disk, in files that have a name. After a failure, which is a Refusal
// with Retry, everything that was consumed since the last Commit that did not fail
// is gone, what was consumed while it ran included. Of a Sink that was opened to be
// unsynced it only looks at the files. It does nothing if the output is a pipe, a
// device or New's writer.
//
// A file that was moved away is as good a place for what it holds as any, so it is
// synced and confirmed there, and another one is opened by the old name. What was
// written to a file that was removed, or cut short, is refused.
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
	// Writing goes on during the sync, and may rotate: a file with bytes that are
	// not synced stays open then. None is opened anew: that takes a failed Commit.
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
	if err := s.renewLocked(); err != nil {
		_ = s.failedLocked(err) // what was committed is safe; the next record is refused
	}
	return nil
}

// unsyncedPart is what one Commit has to sync of a file.
type unsyncedPart struct {
	segment *segmentFile
	file    regularFile
	bytes   int64
	folder  string // that has to be synced too, if any
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

// recoverLocked gets the sink out of the state after a failed Commit, or says
// why not. Without such a state it does nothing.
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

// reopenLocked leaves nothing in the files that no Commit has covered, and goes on
// in the one that has the output's name by now: a log rotation may have put another
// one there. In files that were moved away nothing is cut off: they are not the
// Sink's any more.
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
		return s.renewLocked()
	}
	var err error
	if s.torn, err = endsTorn(s.current.file); err != nil {
		return fmt.Errorf("read output: %w", err)
	}
	return nil
}

// reopenSegment leaves nothing in a file that is in its place that no Commit has
// covered. If another program has cut it short, nobody knows where that begins.
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
	_ = segment.file.Close() // it has no news: its sync has failed
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
