// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package file

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

	"filebeat-websocket/receiver"
)

// Sink writes records as NDJSON, a record a line. Its methods may be called from
// any goroutine.
//
// The records of a message are one write call and in the kernel when Consume
// returns: they survive the end of this process. With Open and OpenFolder they
// survive that of the machine when Commit has returned nil.
type Sink struct {
	commits sync.Mutex // held by Commit; taken before mutex

	mutex   sync.Mutex
	out     io.Writer    // of New, or of a pipe or device that was opened here; nil for regular files
	closer  io.Closer    // of out, nil unless it was opened here
	current *segmentFile // the file that is written to, if out is nil; of a folder, nil before the first record
	earlier []*segmentFile
	folder  *rotation         // nil unless files are rotated
	torn    bool              // the output ends inside of a line
	lines   []byte            // the bytes of one write, used again
	failed  *receiver.Refusal // by the last write or sync, nil if it went well

	sync syncState
}

// segmentFile is a regular file that was opened here. Those in Sink.earlier are
// written to no more and wait for a sync.
type segmentFile struct {
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

// New returns a Sink that writes to out. After a write that failed half
// way, the next one begins with a line break. Commit does nothing.
func New(out io.Writer) *Sink {
	return &Sink{out: out}
}

// Open returns a Sink that appends to the file name, which it creates
// (mode 0600) if need be. Where an earlier process left half a line, that is
// ended first. No one else should write to the file meanwhile: when a write
// fails half way, for lack of space say, the file is cut back to where it was.
//
// Commit syncs the file.
func Open(name string) (*Sink, error) {
	s, err := OpenUnsynced(name)
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

// OpenUnsynced is Open without Commit: it is the kernel's business
// when the file gets to the disk.
func OpenUnsynced(name string) (*Sink, error) {
	file, err := openFile(name)
	if err != nil {
		return nil, fmt.Errorf("open output: %w", err)
	}
	s, err := ofFile(name, file)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open output: %w", err), file.Close())
	}
	return s, nil
}

func openFile(name string) (*os.File, error) {
	// Reading is for the last byte.
	return os.OpenFile(name, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
}

func ofFile(name string, file *os.File) (*Sink, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return &Sink{out: file, closer: file}, nil // a pipe or device has no end to look at or cut back to
	}
	s := &Sink{current: &segmentFile{name: name, file: file, bytes: info.Size()}}
	s.torn, err = endsTorn(file)
	return s, err
}

// endsTorn reports whether the file ends inside of a line.
func endsTorn(file regularFile) (bool, error) {
	info, err := file.Stat()
	if err != nil || info.Size() == 0 {
		return false, err
	}
	last := make([]byte, 1)
	_, err = file.ReadAt(last, info.Size()-1)
	return last[0] != '\n', err
}

// Consume writes the records of m. A write that fails is a Refusal with Retry.
func (s *Sink) Consume(_ context.Context, m *receiver.Message) error {
	if len(m.Records) == 0 {
		return nil
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if err := s.recoverLocked(time.Now()); err != nil {
		return err
	}
	if err := s.rotateLocked(m.Records); err != nil {
		return s.failedLocked(err)
	}
	s.lines = s.lines[:0]
	if s.torn {
		s.lines = append(s.lines, '\n')
	}
	for _, record := range m.Records {
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

func (s *Sink) writer() io.Writer {
	if s.current != nil {
		return s.current.file
	}
	return s.out
}

func (s *Sink) wroteLocked(bytes int) {
	if s.current != nil {
		s.current.bytes += int64(bytes)
		s.current.unsyncedBytes += int64(bytes)
	}
}

// undo deals with a write that failed after some bytes, and returns cause. All
// of the message goes, also the lines that are whole: the client will send it
// again.
func (s *Sink) undo(written int, cause error) error {
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
func (s *Sink) failedLocked(cause error) *receiver.Refusal {
	s.failed = &receiver.Refusal{Reason: "output failed", Retry: true, Cause: cause}
	for _, full := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG} {
		if errors.Is(cause, full) {
			s.failed.Reason = "disk full"
		}
	}
	return s.failed
}

// Failed returns the refusal by the last write or sync, or nil if it went well.
func (s *Sink) Failed() *receiver.Refusal {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.failed
}

// Close closes the files that were opened here. It does nothing for New's
// writer, which belongs to the caller.
func (s *Sink) Close() error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
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
func (s *Sink) segmentsLocked() []*segmentFile {
	if s.current == nil {
		return s.earlier
	}
	return append(slices.Clone(s.earlier), s.current)
}

var _ receiver.Sink = (*Sink)(nil)
