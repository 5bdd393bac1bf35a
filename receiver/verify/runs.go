// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"bufio"
	"bytes"
	"cmp"
	"container/heap"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"slices"
)

// runPlaces is how many places are sorted in memory at a time: 21 MiB of them. A
// variable for tests.
var runPlaces = 1 << 19

// runBuffer is what each run is read with: thousands of runs fit into memory.
const runBuffer = 16 << 10

// sorter sorts places by file, offset and number. What does not fit into memory goes to a
// temporary file, in sorted runs.
type sorter struct {
	buffer []place
	spill  *os.File
	length int64
	runs   []*io.SectionReader
}

func compare(a, b place) int {
	return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.offset, b.offset), cmp.Compare(a.number, b.number))
}

func (s *sorter) add(p place) error {
	s.buffer = append(s.buffer, p)
	if len(s.buffer) < runPlaces {
		return nil
	}
	if s.spill == nil {
		spill, err := os.CreateTemp("", "wsreceiver-verify-")
		if err != nil {
			return err
		}
		s.spill = spill
		_ = os.Remove(spill.Name()) // Windows keeps the name until close, which tries again
	}
	run := s.encode()
	if _, err := s.spill.Write(run); err != nil {
		return err
	}
	s.runs = append(s.runs, io.NewSectionReader(s.spill, s.length, int64(len(run))))
	s.length += int64(len(run))
	s.buffer = s.buffer[:0]
	return nil
}

// encode sorts the buffer and returns it in some five bytes a place.
func (s *sorter) encode() []byte {
	slices.SortFunc(s.buffer, compare)
	run := make([]byte, 0, 6*len(s.buffer))
	var last place
	for _, p := range s.buffer {
		if p.back|p.ahead != 0 {
			p.flags |= hasSpan
		}
		run = append(run, p.flags)
		run = binary.AppendUvarint(run, uint64(p.file-last.file))
		if p.file != last.file {
			last.offset = 0
		}
		run = binary.AppendUvarint(run, uint64(p.offset-last.offset))
		run = binary.AppendVarint(run, p.number-last.number)
		if p.flags&hasSpan != 0 {
			run = binary.AppendUvarint(run, uint64(p.back))
			run = binary.AppendUvarint(run, uint64(p.ahead))
		}
		last = p
	}
	return run
}

func (s *sorter) close() {
	if s.spill != nil {
		_ = s.spill.Close()           // it was read to its end, or the run failed
		_ = os.Remove(s.spill.Name()) // gone already, but on Windows
	}
}

// merge returns all places in their order. The sorter takes no more.
func (s *sorter) merge() (*merger, error) {
	m := &merger{}
	for _, run := range s.runs {
		m.runs = append(m.runs, &runReader{bytes: bufio.NewReaderSize(run, runBuffer)})
	}
	if len(s.buffer) > 0 {
		m.runs = append(m.runs, &runReader{bytes: bufio.NewReaderSize(bytes.NewReader(s.encode()), runBuffer)})
		s.buffer = nil
	}
	for i, v := range slices.Backward(m.runs) {
		if more, err := v.next(); err != nil {
			return nil, err
		} else if !more {
			m.runs = slices.Delete(m.runs, i, i+1)
		}
	}
	heap.Init(m)
	return m, nil
}

// runReader is at a place of a run.
type runReader struct {
	place
	bytes *bufio.Reader
}

func (r *runReader) next() (more bool, err error) {
	flags, err := r.bytes.ReadByte()
	if errors.Is(err, io.EOF) {
		return false, nil
	}
	file, err1 := binary.ReadUvarint(r.bytes)
	offset, err2 := binary.ReadUvarint(r.bytes)
	number, err3 := binary.ReadVarint(r.bytes)
	var back, ahead uint64
	var err4, err5 error
	if flags&hasSpan != 0 {
		back, err4 = binary.ReadUvarint(r.bytes)
		ahead, err5 = binary.ReadUvarint(r.bytes)
	}
	if file != 0 {
		r.offset = 0
	}
	r.file += uint32(file)
	r.offset += int64(offset)
	r.number += number
	r.back, r.ahead, r.flags = uint32(back), uint32(ahead), flags
	return true, errors.Join(err, err1, err2, err3, err4, err5)
}

// merger merges runs. It is a heap of them.
type merger struct {
	runs []*runReader
	err  error
}

// peek returns the next place. more is false at the end, and after an error.
func (m *merger) peek() (p place, more bool) {
	if len(m.runs) == 0 || m.err != nil {
		return place{}, false
	}
	return m.runs[0].place, true
}

// pop passes the place that peek returned.
func (m *merger) pop() {
	more, err := m.runs[0].next()
	switch {
	case err != nil:
		m.err = err
	case more:
		heap.Fix(m, 0)
	default:
		heap.Pop(m)
	}
}

func (m *merger) Len() int           { return len(m.runs) }
func (m *merger) Less(i, j int) bool { return compare(m.runs[i].place, m.runs[j].place) < 0 }
func (m *merger) Swap(i, j int)      { m.runs[i], m.runs[j] = m.runs[j], m.runs[i] }
func (m *merger) Push(any)           {} // runs do not come later

// Pop is for package heap.
func (m *merger) Pop() any {
	last := len(m.runs) - 1
	run := m.runs[last]
	m.runs = m.runs[:last]
	return run
}
