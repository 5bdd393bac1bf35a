// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"
)

// Store writes records as NDJSON, a record a line. Its methods may be called
// from any goroutine.
//
// A batch is one write call and is in the kernel when Consume returns: it
// survives the end of this process. With OpenStore it survives that of the
// machine when Commit has returned nil.
type Store struct {
	commits sync.Mutex // held by Commit; taken before mu

	mu     sync.Mutex
	out    io.Writer
	file   regularFile // nil unless out is one that was opened here
	closer io.Closer   // nil unless out was opened here
	torn   bool        // the output ends inside of a line
	lines  []byte      // the bytes of one write, used again
	failed *Refusal    // by the last write or sync, nil if it went well

	sync syncState
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
	if s.file != nil {
		// The name of a file that was just created is not on disk before its folder is.
		if err := syncFolder(name); err != nil {
			return nil, errors.Join(fmt.Errorf("open output: %w", err), s.Close())
		}
		s.sync.open = func() (regularFile, error) { return openFile(name) }
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
	s, err := fileStore(file)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open output: %w", err), file.Close())
	}
	return s, nil
}

func openFile(name string) (*os.File, error) {
	// Reading is for the last byte.
	return os.OpenFile(name, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
}

func fileStore(file *os.File) (*Store, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	s := &Store{out: file, closer: file}
	if !info.Mode().IsRegular() {
		return s, nil // a pipe or device has no end to look at or cut back to
	}
	s.file = file
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
	s.lines = s.lines[:0]
	if s.torn {
		s.lines = append(s.lines, '\n')
	}
	for _, record := range b.Records {
		s.lines = append(s.lines, record...)
		s.lines = append(s.lines, '\n')
	}
	written, err := s.out.Write(s.lines)
	if err == nil && written < len(s.lines) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return s.failedLocked(s.undo(written, fmt.Errorf("write output: %w", err)))
	}
	s.torn = false
	s.failed = nil
	s.sync.unsyncedBytes += int64(written)
	return nil
}

// undo deals with a write that failed after some bytes, and returns cause. All
// of the batch goes, also the lines that are whole: the client will send it
// again.
func (s *Store) undo(written int, cause error) error {
	if written == 0 {
		return cause
	}
	if s.file != nil {
		err := cutBack(s.file, int64(written))
		if err == nil {
			return cause
		}
		cause = fmt.Errorf("%w; the half that was written stays: %w", cause, err)
		s.sync.unsyncedBytes += int64(written)
	}
	s.torn = s.lines[written-1] != '\n'
	return cause
}

// cutBack takes the last bytes off the file. It asks for the size, since a log
// rotation may have emptied the file in between.
func cutBack(file regularFile, bytes int64) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	return file.Truncate(max(0, info.Size()-bytes))
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

// Close closes the file that was opened here. It does nothing for NewStore's
// writer, which belongs to the caller.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closer == nil {
		return nil
	}
	if err := s.closer.Close(); err != nil {
		return fmt.Errorf("close output: %w", err)
	}
	return nil
}
