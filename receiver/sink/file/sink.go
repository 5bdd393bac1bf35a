// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"syscall"

	"filebeat-websocket/receiver"
)

// Sink writes records as NDJSON, one per line. Its methods may be called from
// any goroutine.
//
// The records of a message are one write call. The kernel has them when Consume returns:
// they survive the end of this process. With Open and OpenFolder they survive a crash of
// the machine when Commit has returned nil.
//
// A Sink locks its file or folder: opening it a second time fails, in this process or
// another, until the Sink is closed. It notices files that are moved or removed: see
// Commit and Reopen.
type Sink struct {
	commits sync.Mutex // held by Commit; taken before mutex

	mutex   sync.Mutex
	out     io.Writer    // New's writer, or a pipe or device that was opened here; nil for regular files
	closer  io.Closer    // of out, nil unless it was opened here
	name    string       // of the file, if it is a single one
	current *segmentFile // the file that is written to, if out is nil; nil before the next one is begun
	earlier []*segmentFile
	folder  *rotation         // nil unless files are rotated
	lock    *lock             // nil if out is set
	torn    bool              // the output ends inside of a line
	lines   []byte            // buffer for one write
	failed  *receiver.Refusal // by the last write or sync, nil if that succeeded

	// open opens a file for appending, and creates it if need be. nil if out is set.
	open     func(name string) (regularFile, error)
	unsynced bool // Commit does not sync
	sync     syncState
}

// segmentFile is a regular file that was opened here. Those in Sink.earlier are no longer
// written to and wait for Commit.
type segmentFile struct {
	name          string
	file          regularFile
	bytes         int64 // its length
	unsyncedBytes int64 // how many of these, at the end, no Commit has covered
	unlisted      bool  // its folder is not synced since it was created
}

// regularFile is the part of *os.File that is needed to undo a write, and to sync.
type regularFile interface {
	io.Writer
	io.ReaderAt
	io.Closer
	Stat() (os.FileInfo, error)
	Truncate(size int64) error
	Sync() error
}

// New returns a Sink that writes to out. After a write that failed half-way, the next
// one begins with a line break. Commit does nothing.
func New(out io.Writer) *Sink {
	return &Sink{out: out}
}

// Consume writes the records of m. A write that fails is a Refusal with Retry.
func (s *Sink) Consume(_ context.Context, m *receiver.Message) error {
	if len(m.Records) == 0 {
		return nil
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if err := s.recoverLocked(); err != nil {
		return err
	}
	if err := s.prepareLocked(m.Records); err != nil {
		return s.failedLocked(err)
	}
	defer s.dropLongLocked()
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

// keptLines is the longest buffer that is kept for the next message: the records of a long
// body can take a hundred times as much as those of others.
const keptLines = 4 << 20

func (s *Sink) dropLongLocked() {
	if cap(s.lines) > keptLines {
		s.lines = nil
	}
}

// prepareLocked makes sure that the current file has room for the records. The first
// records after a Commit do not go to a file that was moved away meanwhile: a log
// rotation may be compressing it.
func (s *Sink) prepareLocked(records [][]byte) error {
	if s.open == nil {
		return nil
	}
	if s.current != nil && s.current.unsyncedBytes == 0 {
		if err := s.leaveMovedLocked(); err != nil {
			return err
		}
	}
	if s.folder != nil {
		return s.rotateLocked(records)
	}
	if s.current == nil {
		return s.openNamedLocked()
	}
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

// undo handles a write that failed after some bytes, and returns cause. It removes the
// whole message, with the lines that are complete: the client will send the message
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

// failedLocked notes that a write or sync failed and returns the refusal for it.
func (s *Sink) failedLocked(cause error) *receiver.Refusal {
	s.failed = &receiver.Refusal{Reason: "output failed", Retry: true, Cause: cause}
	if errors.Is(cause, errRemoved) {
		s.failed.Reason = "output was removed"
	}
	for _, full := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG} {
		if errors.Is(cause, full) {
			s.failed.Reason, s.failed.Pause = "disk full", retryInterval
		}
	}
	return s.failed
}

// Failed returns the refusal by the last write or sync, nil if that succeeded.
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
	if s.lock != nil {
		err = errors.Join(err, s.lock.release())
		s.lock = nil
	}
	if err != nil {
		return fmt.Errorf("close output: %w", err)
	}
	return nil
}

// segmentsLocked returns the open files, the oldest first.
func (s *Sink) segmentsLocked() []*segmentFile {
	if s.current == nil {
		return s.earlier
	}
	return append(slices.Clone(s.earlier), s.current)
}

var _ receiver.Sink = (*Sink)(nil)
