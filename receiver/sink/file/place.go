// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package file

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Other programs change the files: a log rotation moves them, an administrator removes
// them.

var (
	// errRemoved is in the error of a Commit whose file has no name any more.
	errRemoved = errors.New("it was removed")
	errCut     = errors.New("another program has cut it short")
)

// place says whether a segment's file still has its name.
type place int

const (
	inPlace place = iota // it has the segment's name
	moved                // it has another name, or only other ones
	removed              // it has none
)

// place looks the file up, and returns its FileInfo too.
func (f *segmentFile) place() (place, os.FileInfo, error) {
	info, err := f.file.Stat()
	if err != nil {
		return inPlace, nil, fmt.Errorf("look at output: %w", err)
	}
	if links(info) == 0 {
		return removed, info, nil
	}
	named, err := os.Stat(f.name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return moved, info, nil
	case err != nil:
		return inPlace, nil, fmt.Errorf("look at output: %w", err)
	case os.SameFile(info, named):
		return inPlace, info, nil
	}
	return moved, info, nil
}

// verify returns an error unless the file still exists, under any name, and is as long
// as it was written. Commit asks before it confirms the bytes.
func (f *segmentFile) verify() error {
	info, err := f.file.Stat()
	switch {
	case err != nil:
		return fmt.Errorf("look at output: %w", err)
	case links(info) == 0:
		return fmt.Errorf("output %s: %w", f.name, errRemoved)
	case info.Size() < f.bytes:
		return fmt.Errorf("output %s: %w", f.name, errCut)
	}
	return nil
}

// leaveMovedLocked lets go of the current file if its name no longer belongs to it. The
// next Commit covers the bytes in it that no Commit has covered: the file has to exist
// then, if only under another name.
func (s *Sink) leaveMovedLocked() error {
	where, info, err := s.current.place()
	if err != nil {
		return err
	}
	if where == inPlace {
		if info.Size() < s.current.bytes && s.current.unsyncedBytes == 0 {
			s.current.bytes = info.Size() // a log rotation has copied and emptied it
			s.torn, err = endsTorn(s.current.file)
		}
		return err
	}
	s.leaveLocked()
	s.torn = false
	return nil
}

// leaveLocked stops writing to the current file.
func (s *Sink) leaveLocked() {
	if s.current.unsyncedBytes > 0 {
		s.earlier = append(s.earlier, s.current)
	} else {
		_ = s.current.file.Close() // its bytes are on disk, or the kernel has them
	}
	s.current = nil
}

// Reopen opens the file of the output's name if the one that was open no longer has that
// name. Log rotations ask for it by a signal. Without it the same happens at the next
// Commit.
func (s *Sink) Reopen() error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.open == nil {
		return nil
	}
	if err := s.recoverLocked(); err != nil {
		return err
	}
	if err := s.reopenNamedLocked(); err != nil {
		return s.failedLocked(err)
	}
	return nil
}

// reopenNamedLocked makes sure that the current file has the output's name. In a folder
// the next record begins another file.
func (s *Sink) reopenNamedLocked() error {
	if s.current != nil {
		if err := s.leaveMovedLocked(); err != nil {
			return err
		}
	}
	if s.current != nil || s.folder != nil {
		return nil
	}
	err := s.openNamedLocked()
	if err == nil {
		s.failed = nil // there was no file to write to
	}
	return err
}
