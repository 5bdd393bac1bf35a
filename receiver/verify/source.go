// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
)

// source is a log file.
type source struct {
	name        string
	path        string // absolute
	inode       string // "" for a gzip'd file: that inode is another one
	fingerprint string // "" if it is too short to have one
	first       uint64 // hash of the first line
	newline     []byte
	bom         int   // bytes of a byte order mark, which log.offset does not count
	size        int64 // what had to be read when the run began
	hasRecords  bool
	checked     bool
	reason      string // why it cannot be verified
}

func (r *run) openSources() (sources []*source, err error) {
	seen := map[string]bool{}
	for _, name := range r.Sources {
		s := &source{name: name}
		if s.path, err = filepath.Abs(name); err != nil {
			return nil, err
		}
		if seen[s.path] {
			continue
		}
		seen[s.path] = true
		info, err := os.Stat(name)
		if err != nil {
			return nil, err
		}
		if !info.Mode().IsRegular() {
			return nil, fmt.Errorf("%s is not a file", name)
		}
		if info.ModTime().Before(r.Since) {
			continue
		}
		s.size = info.Size()
		r.Progress.total.Add(s.size)
		if err := s.identify(info, r.FingerprintLength); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		sources = append(sources, s)
	}
	r.summary.Sources = len(sources)
	return sources, nil
}

// maxFirstLine is how much of a first line is hashed.
const maxFirstLine = 64 << 10

func (s *source) identify(info os.FileInfo, fingerprintLength int64) (err error) {
	file, err := os.Open(s.name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	content, err := inflated(file)
	if err != nil {
		return err
	}
	if _, isPlain := content.(*bufio.Reader); isPlain {
		s.inode = inodeOf(info)
	} else {
		s.size = math.MaxInt64
	}
	head := make([]byte, max(fingerprintLength, maxFirstLine))
	n, err := fill(content, head)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	head = head[:n]
	if int64(n) >= fingerprintLength {
		sum := sha256.Sum256(head[:fingerprintLength])
		s.fingerprint = hex.EncodeToString(sum[:])
	}
	s.newline = newlineOf(head)
	if len(s.newline) == 2 && head[0] >= 0xfe {
		s.bom = 2
	}
	if line, _, isWhole := bytes.Cut(head, s.newline); isWhole || n >= maxFirstLine {
		s.first = hashOfLine(bytes.TrimSuffix(line, []byte("\r")))
	}
	return nil
}

// newlineOf tells UTF-16 by its byte order mark, or by the other byte of the first
// letter.
func newlineOf(head []byte) []byte {
	switch {
	case len(head) < 2:
	case head[0] == 0xff && head[1] == 0xfe, head[0] != 0 && head[1] == 0:
		return []byte{'\n', 0}
	case head[0] == 0xfe && head[1] == 0xff, head[0] == 0 && head[1] != 0:
		return []byte{0, '\n'}
	}
	return []byte{'\n'}
}

// line is a line of a source.
type line struct {
	start, end int64 // end is behind the line end
	number     int64 // counts all lines
	seq        int64 // counts those that have to land
	isBlank    bool
	continues  bool // it belongs to the line before, which the container's runtime has split
}

// lineReader reads the lines of a source. A line without its end does not count: Filebeat
// waits for it.
type lineReader struct {
	content   *bufio.Reader
	newline   []byte
	next      line
	isPartial bool // the line before was a part: see line.continues
	text      []byte
	last      byte // before what is read now
}

// textBytes is how much of a line is kept: eighty characters of four bytes.
const textBytes = 320

func newLineReader(content io.Reader, newline []byte) *lineReader {
	return &lineReader{content: bufio.NewReaderSize(content, 256<<10), newline: newline}
}

// read returns io.EOF at the end. The text is the beginning of the line; it is valid until
// the next call.
func (r *lineReader) read() (l line, text []byte, err error) {
	l = r.next
	l.end = l.start
	r.text, r.last = r.text[:0], 0
	for {
		part, err := r.content.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return line{}, nil, err
		}
		l.end += int64(len(part))
		r.text = append(r.text, part[:min(len(part), textBytes-len(r.text))]...)
		if err == nil && r.isEnd(&l, part) {
			break
		}
		r.last = part[len(part)-1]
	}
	l.isBlank = r.isBlank(l.end - l.start)
	l.continues = r.isPartial
	r.isPartial = isPart(r.text)
	r.next = line{start: l.end, number: l.number + 1, seq: l.seq}
	if !l.isBlank && !l.continues {
		r.next.seq++
	}
	return l, r.text, nil
}

// isEnd reports whether the line break at the end of part, and of l as far as it is read,
// ends a line. In UTF-16 it has another byte before or behind it, which is read too; every
// line is an even number of bytes.
func (r *lineReader) isEnd(l *line, part []byte) bool {
	if len(r.newline) == 1 {
		return true
	}
	isEven := (l.end-l.start)%2 == 0
	if r.newline[0] == 0 {
		before := r.last
		if len(part) > 1 {
			before = part[len(part)-2]
		}
		return isEven && before == 0
	}
	after, err := r.content.Peek(1)
	if isEven || err != nil || after[0] != 0 {
		return false
	}
	_, _ = r.content.Discard(1) // peeked
	l.end++
	return true
}

// isBlank reports whether nothing is left of the line without its end.
func (r *lineReader) isBlank(length int64) bool {
	width := int64(len(r.newline))
	return length == width || length == 2*width && bytes.IndexByte(r.text, '\r') >= 0
}

// isPart reports whether a line is in the format of the Container Runtime Interface,
// "TIME STREAM P TEXT", with the tag of a part that the next line continues.
func isPart(line []byte) bool {
	if len(line) < 30 || line[4] != '-' {
		return false
	}
	_, rest, _ := bytes.Cut(line[:min(len(line), 60)], []byte(" "))
	stream, rest, _ := bytes.Cut(rest, []byte(" "))
	if string(stream) != "stdout" && string(stream) != "stderr" {
		return false
	}
	tag, _, _ := bytes.Cut(rest, []byte(" "))
	return string(tag) == "P" || bytes.HasPrefix(tag, []byte("P:"))
}
