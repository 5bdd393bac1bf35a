// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package file

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const (
	readBackBytes = 4 << 20
	// maxReadBackLine bounds the memory of ReadBack: longer lines are left out.
	maxReadBackLine = 64 << 20
)

// ReadBack calls visit with the content of the output, in blocks of whole lines. The
// newest block comes first; its lines are in the order of the file. written is when the file
// was written to the last time. It ends when visit returns false. A block is valid until visit
// returns. A pipe, a device and New's writer hold nothing.
//
// It syncs what it reads first, unless the Sink is unsynced: an earlier process may have
// ended between its write and its sync, and what is visited may be confirmed. Call it
// before the first Consume.
func (s *Sink) ReadBack(visit func(lines []byte, written time.Time) (more bool)) error {
	names, err := s.fileNames()
	if err != nil {
		return fmt.Errorf("read output back: %w", err)
	}
	if len(names) > 0 && !s.unsynced {
		if err := syncFolder(filepath.Dir(names[0])); err != nil {
			return fmt.Errorf("read output back: %w", err)
		}
	}
	for _, name := range names {
		more, err := s.readFileBack(name, visit)
		if err != nil {
			return fmt.Errorf("read output back: %w", err)
		}
		if !more {
			return nil
		}
	}
	return nil
}

// fileNames returns the names of the output's files, the newest first.
func (s *Sink) fileNames() (names []string, err error) {
	switch {
	case s.open == nil:
		return nil, nil
	case s.folder == nil:
		return []string{s.name}, nil
	}
	entries, err := os.ReadDir(s.folder.name)
	if err != nil {
		return nil, err
	}
	for _, entry := range slices.Backward(entries) { // they are sorted by name
		if _, err := time.Parse(segmentLayout, entry.Name()); err == nil && entry.Type().IsRegular() {
			names = append(names, filepath.Join(s.folder.name, entry.Name()))
		}
	}
	return names, nil
}

func (s *Sink) readFileBack(name string, visit func([]byte, time.Time) bool) (more bool, err error) {
	file, err := os.OpenFile(name, os.O_RDWR, 0) // Windows does not sync a file that is open only for reading
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if !s.unsynced {
		if err := file.Sync(); err != nil {
			return false, err
		}
	}
	info, err := file.Stat()
	if err != nil {
		return false, err
	}
	return readBlocksBack(file, info.Size(), readBackBytes, maxReadBackLine, func(lines []byte) bool {
		return visit(lines, info.ModTime())
	})
}

// readBlocksBack reads a file of that length from its end.
func readBlocksBack(file io.ReaderAt, length, block, maxLine int64, visit func([]byte) bool) (more bool, err error) {
	var buffer, rest []byte // rest is the end of a line that begins before what was read
	isTooLong := false      // whether that line is
	for end := length; end > 0; {
		begin := max(0, end-block)
		buffer = slices.Grow(buffer[:0], int(end-begin)+len(rest))
		lines := buffer[:end-begin]
		if _, err := file.ReadAt(lines, begin); err != nil {
			return false, err
		}
		end = begin
		if isTooLong {
			lines = lines[:bytes.LastIndexByte(lines, '\n')+1]
			isTooLong = len(lines) == 0
		}
		lines, rest = append(lines, rest...), rest[:0]
		if begin > 0 {
			first := bytes.IndexByte(lines, '\n') + 1
			if first == 0 {
				first = len(lines)
			}
			lines, rest = lines[first:], append(rest, lines[:first]...)
		}
		if int64(len(rest)) > maxLine {
			rest, isTooLong = nil, true
		}
		if len(lines) > 0 && !visit(lines) {
			return false, nil
		}
	}
	return true, nil
}
