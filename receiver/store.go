// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"
)

// Store writes records as NDJSON, a record a line. Its methods may be called
// from any goroutine.
//
// A batch is one write call and is in the kernel when Consume returns: it
// survives the end of this process. With OpenStore and OpenFolderStore it survives
// that of the machine when Commit has returned nil.
type Store struct {
	commits sync.Mutex // held by Commit; taken before mu

	mu      sync.Mutex
	out     io.Writer // of NewStore, or of a pipe or device that was opened here; nil for regular files
	closer  io.Closer // of out, nil unless it was opened here
	current *segment  // the file that is written to, if out is nil; of a folder, nil before the first record
	earlier []*segment
	folder  *folder  // nil unless files are rotated
	torn    bool     // the output ends inside of a line
	lines   []byte   // the bytes of one write, used again
	failed  *Refusal // by the last write or sync, nil if it went well

	sync syncState
}

// segment is a regular file that was opened here. Those in Store.earlier are
// written to no more and wait for a sync.
type segment struct {
	name          string
	file          regularFile
	bytes         int64 // its length
	unsyncedBytes int64 // how many of the last ones are not synced
	unlisted      bool  // its folder is not synced since it was created
}

// regularFile is what it takes of an *os.File to undo a write, and to sync.
type regularFile interface {
	io.Writer
	io.ReaderAt
	io.Closer
	Stat() (os.FileInfo, error)
	Truncate(size int64) error
	Sync() error
}

// NewStore returns a Store that writes to out. After a write that failed half
// way, the next one begins with a line break. Commit does nothing.
func NewStore(out io.Writer) *Store {
	return &Store{out: out}
}

// OpenStore returns a Store that appends to the file name, which it creates
// (mode 0600) if need be. Where an earlier process left half a line, that is
// ended first. No one else should write to the file meanwhile: when a write
// fails half way, for lack of space say, the file is cut back to where it was.
//
// Commit is for Options.Commit: it syncs the file.
func OpenStore(name string) (*Store, error) {
	s, err := OpenUnsyncedStore(name)
	if err != nil {
		return nil, err
	}
	if s.current != nil {
		// The name of a file that was just created is not on disk before its folder is.
		if err := syncFolder(filepath.Dir(name)); err != nil {
			return nil, errors.Join(fmt.Errorf("open output: %w", err), s.Close())
		}
		s.sync.open = func(name string) (regularFile, error) { return openFile(name) }
	}
	return s, nil
}

// OpenUnsyncedStore is OpenStore without Commit: it is the kernel's business
// when the file gets to the disk.
func OpenUnsyncedStore(name string) (*Store, error) {
	file, err := openFile(name)
	if err != nil {
		return nil, fmt.Errorf("open output: %w", err)
	}
	s, err := fileStore(name, file)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open output: %w", err), file.Close())
	}
	return s, nil
}

func openFile(name string) (*os.File, error) {
	// Reading is for the last byte.
	return os.OpenFile(name, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
}

func fileStore(name string, file *os.File) (*Store, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return &Store{out: file, closer: file}, nil // a pipe or device has no end to look at or cut back to
	}
	s := &Store{current: &segment{name: name, file: file, bytes: info.Size()}}
	s.torn, err = endsTorn(file)
	return s, err
}

// endsTorn tells whether the file ends inside of a line.
func endsTorn(file regularFile) (bool, error) {
	info, err := file.Stat()
	if err != nil || info.Size() == 0 {
		return false, err
	}
	last := make([]byte, 1)
	_, err = file.ReadAt(last, info.Size()-1)
	return last[0] != '\n', err
}

// Consume writes the records of b. It is made for Options.Consume. A write that
// fails is a Refusal with Retry.
func (s *Store) Consume(_ context.Context, b *Batch) error {
	if len(b.Records) == 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.recoverLocked(time.Now()); err != nil {
		return err
	}
	if err := s.rotateLocked(b.Records); err != nil {
		return s.failedLocked(err)
	}
	s.lines = s.lines[:0]
	if s.torn {
		s.lines = append(s.lines, '\n')
	}
	for _, record := range b.Records {
		s.lines = append(s.lines, record...)
		s.lines = append(s.lines, '\n')
	}
	written, err := s.writer().Write(s.lines)
	if err == nil && written < len(s.lines) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return s.failedLocked(s.undo(written, fmt.Errorf("write output: %w", err)))
	}
	s.torn = false
	s.failed = nil
	s.wroteLocked(written)
	return nil
}

func (s *Store) writer() io.Writer {
	if s.current != nil {
		return s.current.file
	}
	return s.out
}

func (s *Store) wroteLocked(bytes int) {
	if s.current != nil {
		s.current.bytes += int64(bytes)
		s.current.unsyncedBytes += int64(bytes)
	}
}

// undo deals with a write that failed after some bytes, and returns cause. All
// of the batch goes, also the lines that are whole: the client will send it
// again.
func (s *Store) undo(written int, cause error) error {
	if written == 0 {
		return cause
	}
	if s.current != nil {
		_, err := cutBack(s.current.file, int64(written))
		if err == nil {
			return cause
		}
		cause = fmt.Errorf("%w; the half that was written stays: %w", cause, err)
		s.wroteLocked(written)
	}
	s.torn = s.lines[written-1] != '\n'
	return cause
}

// cutBack takes the last bytes off the file and returns its length. It asks for
// the size, since a log rotation may have emptied the file in between.
func cutBack(file regularFile, bytes int64) (left int64, err error) {
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	left = max(0, info.Size()-bytes)
	return left, file.Truncate(left)
}

// failedLocked notes that a write or sync failed and returns the refusal for it.
func (s *Store) failedLocked(cause error) *Refusal {
	s.failed = &Refusal{Reason: "output failed", Retry: true, Cause: cause}
	for _, full := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG} {
		if errors.Is(cause, full) {
			s.failed.Reason = "disk full"
		}
	}
	return s.failed
}

// Failed returns the refusal by the last write or sync, or nil if it went well.
func (s *Store) Failed() *Refusal {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}

// Close closes the files that were opened here. It does nothing for NewStore's
// writer, which belongs to the caller.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	for _, segment := range s.segmentsLocked() {
		err = errors.Join(err, segment.file.Close())
	}
	if s.closer != nil {
		err = errors.Join(err, s.closer.Close())
	}
	if err != nil {
		return fmt.Errorf("close output: %w", err)
	}
	return nil
}

// segmentsLocked are the open files, the oldest first.
func (s *Store) segmentsLocked() []*segment {
	if s.current == nil {
		return s.earlier
	}
	return append(slices.Clone(s.earlier), s.current)
}
