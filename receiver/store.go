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
)

// Store writes records as NDJSON, a record a line. Its methods may be called
// from any goroutine.
//
// A batch is one write call and is in the kernel when Consume returns: it
// survives the end of this process, but not that of the machine.
type Store struct {
	mu     sync.Mutex
	out    io.Writer
	file   regularFile // nil unless out is one that OpenStore opened
	closer io.Closer   // nil unless OpenStore opened out
	torn   bool        // the output ends inside of a line
	lines  []byte      // the bytes of one write, used again
}

// regularFile is what it takes of an *os.File to undo a write.
type regularFile interface {
	Stat() (os.FileInfo, error)
	Truncate(size int64) error
}

// NewStore returns a Store that writes to out. After a write that failed half
// way, the next one begins with a line break.
func NewStore(out io.Writer) *Store {
	return &Store{out: out}
}

// OpenStore returns a Store that appends to the file name, which it creates
// (mode 0600) if need be. Where an earlier process left half a line, that is
// ended first. No one else should write to the file meanwhile: when a write
// fails half way, for lack of space say, the file is cut back to where it was.
func OpenStore(name string) (*Store, error) {
	// Reading is for the last byte.
	file, err := os.OpenFile(name, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600) //nolint:gosec // the caller says which file
	if err != nil {
		return nil, fmt.Errorf("open output: %w", err)
	}
	s, err := fileStore(file)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open output: %w", err), file.Close())
	}
	return s, nil
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
	if info.Size() > 0 {
		last := make([]byte, 1)
		if _, err := file.ReadAt(last, info.Size()-1); err != nil {
			return nil, err
		}
		s.torn = last[0] != '\n'
	}
	return s, nil
}

// Consume writes the records of b. It is made for Options.Consume.
func (s *Store) Consume(_ context.Context, b *Batch) error {
	if len(b.Records) == 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
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
		return s.undo(written, fmt.Errorf("write output: %w", err))
	}
	s.torn = false
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

// Close closes the file that OpenStore opened. It does nothing for NewStore's
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
