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
	mu   sync.Mutex
	out  io.Writer
	file truncater // nil unless out is a regular file that OpenStore opened
	size int64     // of file
	torn bool      // the output ends inside of a line
	line []byte    // the bytes of one write, used again
}

type truncater interface {
	io.WriteCloser
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
	file, err := os.OpenFile(name, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
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
	s := NewStore(file)
	if !info.Mode().IsRegular() {
		return s, nil // a pipe or device has no end to look at or cut back to
	}
	s.file, s.size = file, info.Size()
	if s.size > 0 {
		last := make([]byte, 1)
		if _, err := file.ReadAt(last, s.size-1); err != nil {
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
	s.line = s.line[:0]
	if s.torn {
		s.line = append(s.line, '\n')
	}
	for _, record := range b.Records {
		s.line = append(s.line, record...)
		s.line = append(s.line, '\n')
	}
	written, err := s.out.Write(s.line)
	if err != nil {
		return s.undo(written, err)
	}
	s.size += int64(written)
	s.torn = false
	return nil
}

// undo deals with a write that failed after some bytes. All of the batch goes,
// also the lines that are whole: the client will send it again.
func (s *Store) undo(written int, cause error) error {
	cause = fmt.Errorf("write output: %w", cause)
	if written == 0 {
		return cause
	}
	if s.file != nil {
		err := s.file.Truncate(s.size)
		if err == nil {
			return cause
		}
		s.size += int64(written)
		cause = fmt.Errorf("%w (and half of it stays: %w)", cause, err)
	}
	s.torn = s.line[written-1] != '\n'
	return cause
}

// Close closes the file that OpenStore opened. It does nothing for NewStore's
// writer, which belongs to the caller.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	closer, ok := s.out.(io.Closer)
	if s.file == nil || !ok {
		return nil
	}
	if err := closer.Close(); err != nil {
		return fmt.Errorf("close output: %w", err)
	}
	return nil
}
