// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"
	"time"
)

// DefaultFingerprintLength is how many bytes filestream hashes unless
// prospector.scanner.fingerprint.length is set.
const DefaultFingerprintLength = 1024

// Part is a piece of what has landed, such as a file.
type Part struct {
	Name string
	// First is the number of its first line; 0 is 1.
	First int64
	// Open returns its records, one JSON object per line; gzip'd or not. Empty lines count
	// as lines only.
	Open func(context.Context) (io.ReadCloser, error)
	// Bytes is about how much Open's reader reads, for Progress.
	Bytes int64
}

// Options are for Run.
type Options struct {
	// Sources are the names of log files, gzip'd or not.
	Sources []string
	// Landed are the parts in the order in which they were written.
	Landed []Part
	// Since leaves out what was read before: if it is set, the lines of a file up to its
	// last record that is older (@timestamp), and files that were not written since.
	Since time.Time
	// FingerprintLength is prospector.scanner.fingerprint.length.
	FingerprintLength int64
	// Found is called with each finding, by one goroutine.
	Found func(Finding)
	// Progress may be read meanwhile.
	Progress *Progress
}

// Progress is how far a Run has got.
type Progress struct{ done, total atomic.Int64 }

// Bytes returns how many bytes are read, and of how many.
func (p *Progress) Bytes() (done, total int64) { return p.done.Load(), p.total.Load() }

// The kinds of findings.
const (
	Missing    = "missing"      // lines that have not landed
	Double     = "double"       // lines that have landed again
	OutOfOrder = "out of order" // lines that landed after a later one of the same file
	Stray      = "stray"        // records whose offset is not the start of a line
	Unreadable = "unreadable"   // lines of what has landed that are not a record
	Unverified = "unverified"   // a source that cannot be told from another
)

// Finding is something that is not as it should be.
type Finding struct {
	Kind string `json:"kind"`
	// File is the source, or what has landed if that is unreadable.
	File string `json:"file"`
	// From and To are the range of bytes: the start of the first line, and the end of the
	// last one with its line end. Lines is how many lines or records it is.
	From  int64 `json:"from"`
	To    int64 `json:"to"`
	Lines int64 `json:"lines"`
	// Landed is where the first record of the range is, as NAME:LINE.
	Landed string `json:"landed,omitempty"`
	// Text is the beginning of the first line.
	Text string `json:"text,omitempty"`
	// AtEnd is set if nothing behind the range has landed: it may still come.
	AtEnd bool `json:"at_end,omitempty"`
	// Reason is for Unverified.
	Reason string `json:"reason,omitempty"`
}

// Summary counts. Lines are those that had to land, without empty ones.
type Summary struct {
	Sources    int   `json:"sources"`
	Lines      int64 `json:"lines"`
	Records    int64 `json:"records"`
	Missing    int64 `json:"missing"`
	Double     int64 `json:"double"`
	OutOfOrder int64 `json:"out_of_order"`
	Stray      int64 `json:"stray"`
	Unreadable int64 `json:"unreadable"`
	Unverified int64 `json:"unverified"`
	// Others are records of files that are not among the sources, and Placeless those
	// without file and offset.
	Others    int64 `json:"others"`
	Placeless int64 `json:"placeless"`
}

// OK reports whether every line has landed once and in order.
func (s Summary) OK() bool {
	return s.Missing+s.Double+s.OutOfOrder+s.Stray+s.Unreadable+s.Unverified == 0
}

func (s *Summary) count(f Finding) {
	switch f.Kind {
	case Missing:
		s.Missing += f.Lines
	case Double:
		s.Double += f.Lines
	case OutOfOrder:
		s.OutOfOrder += f.Lines
	case Stray:
		s.Stray += f.Lines
	case Unreadable:
		s.Unreadable += f.Lines
	case Unverified:
		s.Unverified += f.Lines
	}
}

// errPlaceless is for output that cannot be verified at all.
var errPlaceless = errors.New("no record has log.offset and log.file: only records of lines of files in the formats json, json_lines, json_array, json_stream, msgpack and forward can be verified; raw, log, gelf, ltsv, csv and form do not carry the place of a line")

// Run compares the sources with what has landed.
func Run(ctx context.Context, o Options) (Summary, error) {
	run := &run{Options: o}
	if run.Progress == nil {
		run.Progress = &Progress{}
	}
	if run.FingerprintLength == 0 {
		run.FingerprintLength = DefaultFingerprintLength
	}
	err := run.all(ctx)
	return run.summary, err
}

type run struct {
	Options
	summary Summary
	names   []partStart
}

// partStart is the number of the first line of a part.
type partStart struct {
	number int64
	first  int64 // what the part itself calls it
	name   string
}

func (r *run) found(f Finding) {
	r.summary.count(f)
	if r.Found != nil {
		r.Found(f)
	}
}

// at names the line of what has landed with that number, counted over all parts.
func (r *run) at(number int64) string {
	for _, v := range slices.Backward(r.names) {
		if start := v; start.number <= number {
			return fmt.Sprintf("%s:%d", start.name, number-start.number+start.first)
		}
	}
	return ""
}

func (r *run) all(ctx context.Context) error {
	sources, err := r.openSources()
	if err != nil {
		return err
	}
	for _, part := range r.Landed {
		r.Progress.total.Add(part.Bytes)
	}
	sorter := &sorter{}
	defer sorter.close()
	files, err := r.readLanded(ctx, sorter)
	if err != nil {
		return err
	}
	if r.summary.Records == 0 && r.summary.Placeless > 0 {
		return errPlaceless
	}
	owners := r.claim(sources, files)
	places, err := sorter.merge()
	if err != nil {
		return err
	}
	for _, file := range files {
		if owners[file.number] == nil {
			r.summary.Others += file.records
		}
	}
	for place, more := places.peek(); more; place, more = places.peek() {
		if owner := owners[place.file]; owner != nil {
			if err := r.check(ctx, owner, files[place.file], places); err != nil {
				return err
			}
		}
		for next, more := places.peek(); more && next.file == place.file; next, more = places.peek() {
			places.pop() // of no source
		}
	}
	if places.err != nil {
		return places.err
	}
	for _, source := range sources {
		if !source.checked && source.reason == "" {
			if err := r.check(ctx, source, &landedFile{last: -1, baseline: -1}, &merger{}); err != nil {
				return err
			}
		}
	}
	return nil
}
