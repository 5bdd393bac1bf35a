// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf16"
)

// maxPending is how many lines back the first one of a multiline event is looked for.
const maxPending = 1 << 16

// checker goes through a source and through the places of its records at the same time.
type checker struct {
	run      *run
	source   *source
	lines    *lineReader
	baseline int64

	current  line // the next line to pass
	text     []byte
	isEnd    bool
	lastDue  int64     // seq of the last line that had to land
	covered  int64     // lines before this number have landed, or are reported
	pending  []pending // lines since then: missing unless they belong to the next record
	findings map[string]*finding
}

// pending is a line that has to have landed.
type pending struct {
	line
	text string
}

// finding is one that may go on with the next line.
type finding struct {
	Finding
	seq int64 // of its last line
}

// check compares a source with the places of a file, which are next.
func (r *run) check(ctx context.Context, s *source, of *landedFile, places *merger) (err error) {
	s.checked = true
	file, err := os.Open(s.name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	content, err := inflated(counted{file, r.Progress})
	if err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	if _, err := io.CopyN(io.Discard, content, int64(s.bom)); err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	c := &checker{run: r, source: s, lines: newLineReader(content, s.newline), baseline: of.baseline, findings: map[string]*finding{}}
	if err := c.all(ctx, of, places); err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	return nil
}

func (c *checker) all(ctx context.Context, of *landedFile, places *merger) error {
	if err := c.read(); err != nil {
		return err
	}
	for steps := 0; ; steps++ {
		if steps%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		p, more := places.peek()
		if !more || p.file != of.number {
			break
		}
		for !c.isEnd && c.current.start < p.offset {
			if err := c.pass(); err != nil {
				return err
			}
		}
		c.record(p)
		places.pop()
	}
	if places.err != nil {
		return places.err
	}
	for steps := 0; !c.isEnd; steps++ {
		if steps%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := c.pass(); err != nil {
			return err
		}
	}
	c.miss(c.pending)
	if f := c.findings[Missing]; f != nil {
		f.AtEnd = f.seq == c.lastDue
	}
	for _, kind := range []string{Missing, Double, OutOfOrder, Stray} {
		c.close(kind)
	}
	return nil
}

func (c *checker) read() (err error) {
	c.current, c.text, err = c.lines.read()
	if errors.Is(err, io.EOF) {
		c.isEnd = true
		return nil
	}
	return err
}

// isDue reports whether the current line had to land: not if it was written, or has landed,
// before the time that counts.
func (c *checker) isDue() bool {
	l := c.current
	return !l.isBlank && !l.continues && l.start > c.baseline && l.end <= c.source.size
}

// pass leaves the current line behind.
func (c *checker) pass() error {
	if c.isDue() {
		c.run.summary.Lines++
		c.lastDue = c.current.seq
		if c.current.number >= c.covered {
			c.pending = append(c.pending, pending{c.current, c.beginning()})
		}
	} else if c.current.number >= c.covered {
		c.pending = append(c.pending, pending{line: c.current})
	}
	if len(c.pending) >= maxPending {
		c.miss(c.pending)
		c.pending = c.pending[:0]
	}
	return c.read()
}

// record accounts for a record whose line is the current one, if it has one.
func (c *checker) record(p place) {
	isNew := p.flags&isOld == 0
	if c.isEnd || c.current.start != p.offset {
		if isNew {
			c.extend(Stray, p, p.offset, p.offset, -1, "")
		}
		return
	}
	c.close(Stray)
	first := c.current.number - c.lengthBack(p.back)
	if p.flags&isOpen != 0 {
		first = min(c.covered, c.current.number)
	}
	switch {
	case c.covered > c.current.number, c.covered > first:
		if isNew {
			c.extend(Double, p, c.current.start, c.current.end, c.current.seq, c.beginning())
		}
	case p.flags&isLate != 0 && isNew:
		c.extend(OutOfOrder, p, c.current.start, c.current.end, c.current.seq, c.beginning())
	}
	before := c.pending
	for len(before) > 0 && before[len(before)-1].number >= first {
		before = before[:len(before)-1]
	}
	c.miss(before)
	c.pending = c.pending[:0]
	c.covered = max(c.covered, c.current.number+1+int64(p.ahead))
}

// lengthBack returns how many lines of the file the last lines of an event are: those that
// continue a line are part of it.
func (c *checker) lengthBack(lines uint32) (back int64) {
	for i := len(c.pending) - 1; i >= 0 && lines > 0; i-- {
		back++
		if !c.pending[i].continues {
			lines--
		}
	}
	return back + int64(lines)
}

// miss reports the lines among those that had to land.
func (c *checker) miss(lines []pending) {
	for _, l := range lines {
		if l.text != "" {
			c.extend(Missing, place{number: -1}, l.start, l.end, l.seq, l.text)
		}
	}
}

// extend makes a finding longer, if this is the line behind it, or begins another one.
func (c *checker) extend(kind string, p place, from, to, seq int64, text string) {
	f := c.findings[kind]
	if f != nil && (seq == f.seq || seq == f.seq+1) {
		f.To, f.seq = to, seq
		f.Lines++
		return
	}
	c.close(kind)
	f = &finding{seq: seq, Finding: Finding{Kind: kind, File: c.source.name, From: from, To: to, Lines: 1, Text: text}}
	if p.number >= 0 {
		f.Landed = c.run.at(p.number)
	}
	c.findings[kind] = f
}

func (c *checker) close(kind string) {
	if f := c.findings[kind]; f != nil {
		c.run.found(f.Finding)
	}
	delete(c.findings, kind)
}

// beginning returns the first 80 characters of the current line. It is never empty.
func (c *checker) beginning() string {
	text := string(c.text)
	if len(c.lines.newline) == 2 {
		units := make([]uint16, len(c.text)/2)
		for i := range units {
			units[i] = uint16(c.text[2*i]) | uint16(c.text[2*i+1])<<8
			if c.lines.newline[0] == 0 {
				units[i] = units[i]>>8 | units[i]<<8
			}
		}
		text = strings.TrimPrefix(string(utf16.Decode(units)), "\ufeff")
	}
	text = strings.TrimRight(strings.ToValidUTF8(text, "\ufffd"), "\r\n")
	count := 0
	for i := range text {
		if count == 80 {
			text = text[:i]
			break
		}
		count++
	}
	if text == "" {
		text = " "
	}
	return text
}
