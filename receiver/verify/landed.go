// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/klauspost/compress/gzip"
)

// rotated is the name of an output file: the name that it had, and what a rotation has
// put behind it.
var rotated = regexp.MustCompile(`^(.+?)(?:\.(\d{1,6})|-(\d{8,}))?(?:\.gz)?$`)

// FolderParts returns the files of a folder that wsreceiver has written, the oldest first:
// its own files sort by name; of those that logrotate has renamed, the highest number is
// the oldest. name may be a single file, too.
func FolderParts(name string) (parts []Part, err error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []Part{filePart(name, info.Size())}, nil
	}
	entries, err := os.ReadDir(name)
	if err != nil {
		return nil, err
	}
	type file struct {
		base, date string
		number     int
		part       Part
	}
	var files []file
	for _, entry := range entries {
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // it was moved away
		}
		if err != nil {
			return nil, err
		}
		if !info.Mode().IsRegular() || strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		of := rotated.FindStringSubmatch(entry.Name())
		number, _ := strconv.Atoi(of[2]) // 0 without
		files = append(files, file{of[1], cmp.Or(of[3], "~"), number, filePart(filepath.Join(name, entry.Name()), info.Size())})
	}
	slices.SortFunc(files, func(a, b file) int {
		return cmp.Or(cmp.Compare(a.base, b.base), cmp.Compare(b.number, a.number), cmp.Compare(a.date, b.date))
	})
	for _, f := range files {
		parts = append(parts, f.part)
	}
	return parts, nil
}

func filePart(name string, size int64) Part {
	return Part{Name: name, Bytes: size, Open: func(context.Context) (io.ReadCloser, error) { return os.Open(name) }}
}

// otherCompressions begin like that. None of them is how a line of a log begins.
var otherCompressions = map[string]string{"\xfd7zXZ\x00": "xz", "\x28\xb5\x2f\xfd": "zstd", "BZh91AY&SY": "bzip2"}

// inflated reads what r has, inflated if it is gzip'd. Empty files are not.
func inflated(r io.Reader) (io.Reader, error) {
	buffered := bufio.NewReaderSize(r, 256<<10)
	head, _ := buffered.Peek(10) // an error comes again with the next read
	if bytes.HasPrefix(head, []byte{0x1f, 0x8b}) {
		return gzip.NewReader(buffered)
	}
	for magic, name := range otherCompressions {
		if bytes.HasPrefix(head, []byte(magic)) {
			return nil, fmt.Errorf("compressed with %s: only gzip is read", name)
		}
	}
	return buffered, nil
}

// fill reads until to is full. Unlike io.ReadFull it returns the reader's own error, which
// says whether a gzip'd file is whole.
func fill(from io.Reader, to []byte) (n int, err error) {
	for n < len(to) && err == nil {
		var more int
		more, err = from.Read(to[n:])
		n += more
	}
	return n, err
}

// counted tells Progress of what is read.
type counted struct {
	io.Reader
	progress *Progress
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.progress.done.Add(int64(n))
	return n, err
}

const (
	blockBytes = 1 << 20
	// maxRecordBytes bounds memory: wsreceiver takes no message of more than 1 GiB, and
	// nobody sends records that long.
	maxRecordBytes = 64 << 20
	workers        = 4
)

// block is some lines of what has landed.
type block struct {
	part  int
	bytes []byte

	spots     []spot
	broken    []int64 // lines
	lines     int64
	placeless int64
	done      chan struct{} // closed once the fields above are set
}

// readLanded sorts the places of all records.
func (r *run) readLanded(ctx context.Context, to *sorter) ([]*landedFile, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	work, ordered := make(chan *block, workers), make(chan *block, 2*workers)
	names := &nameTable{numbers: map[string]uint32{}}
	for range workers {
		go func() {
			p := &parser{since: r.Since, names: names, known: map[string]uint32{}}
			for b := range work {
				p.parseBlock(b)
				close(b.done)
			}
		}()
	}
	var readErr error
	go func() {
		defer close(ordered)
		defer close(work)
		for number, part := range r.Landed {
			if readErr = r.readPart(ctx, number, part, work, ordered); readErr != nil {
				return
			}
		}
	}()
	files, err := r.place(names, ordered, to)
	if err != nil {
		cancel()
		for range ordered { // until the reader has ended
			continue
		}
		return nil, err
	}
	return files, readErr
}

// readPart cuts a part into blocks of whole lines.
func (r *run) readPart(ctx context.Context, number int, part Part, work, ordered chan<- *block) (err error) {
	opened, err := part.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	content, err := inflated(counted{opened, r.Progress})
	if err != nil {
		return fmt.Errorf("%s: %w", part.Name, err)
	}
	var rest []byte // the beginning of a line
	for {
		if len(rest) > maxRecordBytes {
			return fmt.Errorf("%s: a line is longer than %d bytes", part.Name, maxRecordBytes)
		}
		lines := make([]byte, len(rest), len(rest)+blockBytes)
		copy(lines, rest)
		n, err := fill(content, lines[len(lines):cap(lines)])
		lines = lines[:len(lines)+n]
		isEnd := errors.Is(err, io.EOF)
		if err != nil && !isEnd {
			return fmt.Errorf("%s: %w", part.Name, err)
		}
		whole := bytes.LastIndexByte(lines, '\n') + 1
		rest = lines[whole:]
		b := &block{part: number, bytes: lines[:whole], done: make(chan struct{})}
		for _, to := range []chan<- *block{ordered, work} {
			select {
			case to <- b:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if isEnd {
			return nil // half a line at the end is being written: it was not confirmed
		}
	}
}

// parseBlock sets the fields of b.
func (p *parser) parseBlock(b *block) {
	b.spots = make([]spot, 0, len(b.bytes)/512)
	rest := b.bytes
	for len(rest) > 0 {
		end := bytes.IndexByte(rest, '\n')
		record := rest[:end]
		rest = rest[end+1:]
		line := b.lines
		b.lines++
		if len(record) == 0 {
			continue
		}
		s, v := p.parse(record)
		switch v {
		case broken:
			b.broken = append(b.broken, line)
		case placeless:
			b.placeless++
		default:
			s.line = line
			b.spots = append(b.spots, s)
		}
	}
	b.bytes = nil
}

// place takes blocks in their order, finds out which file each place belongs to, and
// adds it to the sorter.
func (r *run) place(names *nameTable, ordered <-chan *block, to *sorter) ([]*landedFile, error) {
	found := &files{names: names}
	number, part := int64(0), -1
	for b := range ordered {
		<-b.done
		if b.part != part {
			part = b.part
			r.names = append(r.names, partStart{number, max(r.Landed[part].First, 1), r.Landed[part].Name})
		}
		for _, line := range b.broken {
			r.found(Finding{Kind: Unreadable, File: r.Landed[part].Name, Lines: 1, Landed: r.at(number + line)})
		}
		r.summary.Placeless += b.placeless
		r.summary.Records += int64(len(b.spots))
		for i := range b.spots {
			s := &b.spots[i]
			file := found.of(s)
			s.file, s.number = file.number, number+s.line
			file.take(s)
			if err := to.add(s.place); err != nil {
				return nil, err
			}
		}
		number += b.lines
	}
	return found.all, nil
}
