// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package lag

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/elastic/elastic-agent-libs/logp"
)

// maxFiles is how many files are looked at, so that memory is bounded.
const maxFiles = 10_000

// Tracker knows what was read and is not settled. It may be used by several goroutines.
type Tracker struct {
	log  *logp.Logger
	tick atomic.Uint64 // counts the looks at the files, from 1

	mutex   sync.Mutex // guards all fields below, and what streams and files say it guards
	streams []*stream  // those with events that are not settled, and perhaps others
	files   map[identity]*file
	full    bool // files had no room for another one
	summary Summary
}

// New returns a Tracker. Run has to be called for it to look at the files.
func New(log *logp.Logger) *Tracker {
	t := &Tracker{log: log, files: map[identity]*file{}}
	t.tick.Store(1)
	return t
}

// newStream returns a stream of events like the one with these fields, which is its first.
func (t *Tracker) newStream(key string, first fields) *stream {
	s := &stream{key: key, place: first.start}
	if first.path == "" {
		return s
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	id := identityOf(first)
	f := t.files[id]
	if f == nil {
		f = &file{id: id, path: first.path}
		t.keep(f)
	}
	t.begin(f, s, first)
	return s
}

// begin makes s the newest stream of a file, whose first event has these fields. If others
// have read farther, their events are from a content that the file has no more, or are
// read again: their places do not count any more.
func (t *Tracker) begin(f *file, s *stream, first fields) {
	if f.last != nil && first.start < f.last.reached() {
		t.empty(f)
	}
	s.file, f.path, f.last = f, first.path, s
}

// keep takes a file in, if there is room.
func (t *Tracker) keep(f *file) {
	if t.files[f.id] == nil && len(t.files) < maxFiles {
		t.files[f.id] = f
		return
	}
	if t.files[f.id] != f && !t.full {
		t.full = true
		t.log.Warnf("More than %d files: the lag of further ones is not measured", maxFiles)
	}
}

// note notes when an event was read.
func (t *Tracker) note(s *stream, n note) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	s.notes = append(s.notes, n)
	if s.file != nil && t.files[s.file.id] != s.file {
		t.keep(s.file)
	}
	if !s.listed {
		s.listed = true
		t.streams = append(t.streams, s)
	}
}

// forget drops the note of an event, if it has one.
func (t *Tracker) forget(s *stream, seq uint64) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if last := len(s.notes) - 1; last >= 0 && s.notes[last].seq == seq {
		s.notes = s.notes[:last]
	}
}

// Settlement takes the marks of a batch. It holds the Tracker until End.
type Settlement struct {
	tracker *Tracker
	stream  *stream
	start   uint64
	end     uint64
	place   int64 // behind the last event
}

// Begin begins a Settlement. Nil begins one that does nothing.
func (t *Tracker) Begin() Settlement {
	if t != nil {
		t.mutex.Lock()
	}
	return Settlement{tracker: t}
}

// Add takes an event as settled. Those that were read one after the other cost least
// when they are added so.
func (s *Settlement) Add(m *Mark) {
	if m.stream == s.stream && m.seq == s.end {
		s.end++
		s.place = m.end
		return
	}
	s.flush()
	s.stream, s.start, s.end, s.place = m.stream, m.seq, m.seq+1, m.end
}

func (s *Settlement) flush() {
	if s.stream != nil && s.tracker != nil {
		s.stream.settle(run{start: s.start, end: s.end, place: s.place})
	}
}

// End ends the settlement.
func (s *Settlement) End() {
	if s.tracker == nil {
		return
	}
	s.flush()
	s.tracker.mutex.Unlock()
}

// oldest returns when the oldest event that is not settled was read; zero if there is
// none. It drops streams that have none twice in a row from the list: a producer that has
// looked at the tick before may be about to count an event.
func (t *Tracker) oldest() (oldest time.Time) {
	kept := t.streams[:0]
	for _, s := range t.streams {
		read := s.oldest()
		switch {
		case !read.IsZero():
			s.idle = false
			if oldest.IsZero() || read.Before(oldest) {
				oldest = read
			}
		case s.idle:
			s.idle, s.listed = false, false
			s.notes = nil
			continue
		default:
			s.idle = true
		}
		kept = append(kept, s)
	}
	clear(t.streams[len(kept):])
	t.streams = kept
	return oldest
}
