// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package file

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Open returns a Sink that appends to the file name, which it creates
// (mode 0600) if need be. Half a line that an earlier process left at its end is cut
// off: it was never confirmed. Nothing else should write to the file: when a write
// fails half-way, as on a full disk, the file is cut back to its length before.
//
// Commit syncs the file.
func Open(name string) (*Sink, error) {
	s, err := open(name, false)
	if err != nil || s.current == nil {
		return s, err
	}
	// The name of a file that was just created is not on disk before its folder is.
	if err := syncFolder(filepath.Dir(name)); err != nil {
		return nil, errors.Join(fmt.Errorf("open output: %w", err), s.Close())
	}
	s.current.unlisted = false
	return s, nil
}

// OpenUnsynced is Open with a Commit that does not sync: the kernel decides when the
// file gets to the disk.
func OpenUnsynced(name string) (*Sink, error) { return open(name, true) }

func open(name string, unsynced bool) (*Sink, error) {
	info, err := os.Stat(name)
	if err == nil && !info.Mode().IsRegular() {
		return openDevice(name)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open output: %w", err)
	}
	s := &Sink{name: name, open: openRegular, unsynced: unsynced}
	if err := s.openNamedLocked(); err != nil { // no other goroutine has it yet
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// openDevice opens a pipe or device, which cannot be read back or cut.
func openDevice(name string) (*Sink, error) {
	file, err := openFile(name)
	if err != nil {
		return nil, fmt.Errorf("open output: %w", err)
	}
	return &Sink{out: file, closer: file}, nil
}

// openRegular is Sink.open. The interface is nil when the error is not.
func openRegular(name string) (regularFile, error) {
	file, err := openFile(name)
	if err != nil {
		return nil, err
	}
	return file, nil
}

func openFile(name string) (*os.File, error) {
	// Reading is needed for the end of the file.
	return os.OpenFile(name, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
}

// openNamedLocked makes the file of that name the current one: at first, and after the
// previous one was moved away or removed.
func (s *Sink) openNamedLocked() error {
	file, err := s.open(s.name)
	if err != nil {
		return fmt.Errorf("open output: %w", err)
	}
	length, err := s.claimLocked(file)
	if err != nil {
		return errors.Join(fmt.Errorf("open output: %w", err), file.Close())
	}
	s.current = &segmentFile{name: s.name, file: file, bytes: length, unlisted: true}
	s.torn = false
	return nil
}

// claimLocked locks a file that was just opened, cuts half a line off its end and
// returns its length.
func (s *Sink) claimLocked(file regularFile) (length int64, err error) {
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	if !info.Mode().IsRegular() {
		return 0, fmt.Errorf("%s is not a regular file", s.name)
	}
	if err := s.lockLocked(s.name); err != nil {
		return 0, err
	}
	if same, err := s.lock.isOf(info); err != nil || !same {
		return 0, errors.Join(fmt.Errorf("%s was moved while it was opened", s.name), err)
	}
	length, err = endOfLines(file, info.Size())
	if err == nil && length < info.Size() {
		err = file.Truncate(length)
	}
	return length, err
}
