// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package lag

import (
	"slices"
	"sync/atomic"
	"time"
)

// stream is the events that one producer reads from one file, or from elsewhere. They
// are numbered from 0.
type stream struct {
	key  string // as in Source
	file *file  // nil: the events are not from a file
	read atomic.Uint64

	// Used only by the producer's goroutine.
	tick uint64 // at which the last note was made

	// Guarded by Tracker.mutex.
	listed bool   // in Tracker.streams
	idle   bool   // had nothing to settle when it was last looked at
	next   uint64 // all before are settled
	place  int64  // in the file, behind the event before next
	void   uint64 // events before are from a content that the file has no more
	ahead  []run  // settled events behind a gap, in order
	notes  []note // of when events were read, in order; the first is for next
}

// run is the settled events [start, end) of a stream.
type run struct {
	start, end uint64
	place      int64 // in the file, behind the last of them
}

// note is that the event number seq, and those behind it up to the next note, were read
// at a time. end is the place behind that event.
type note struct {
	seq  uint64
	time time.Time
	end  int64
}

// settle takes events as settled.
func (s *stream) settle(r run) {
	if r.start > s.next {
		at, _ := slices.BinarySearchFunc(s.ahead, r, func(a, b run) int { return int(int64(a.start - b.start)) })
		s.ahead = slices.Insert(s.ahead, at, r)
		return
	}
	s.pass(r)
	passed := 0
	for passed < len(s.ahead) && s.ahead[passed].start <= s.next {
		s.pass(s.ahead[passed])
		passed++
	}
	s.ahead = slices.Delete(s.ahead, 0, passed)
	passed = 0
	for passed+1 < len(s.notes) && s.notes[passed+1].seq <= s.next {
		passed++
	}
	s.notes = slices.Delete(s.notes, 0, passed)
}

func (s *stream) pass(r run) {
	if r.end > s.next {
		s.next, s.place = r.end, r.place
	}
}

// waiting reports whether an event was read that is not settled.
func (s *stream) waiting() bool { return s.next < s.read.Load() }

// oldest returns when the first event that is not settled was read; zero if there is none.
func (s *stream) oldest() (read time.Time) {
	if !s.waiting() {
		return time.Time{}
	}
	for _, n := range s.notes {
		if n.seq > s.next {
			break
		}
		read = n.time
	}
	return read
}

// reached returns a place up to which the stream has read, at least.
func (s *stream) reached() int64 {
	if len(s.notes) == 0 {
		return s.place
	}
	return max(s.place, s.notes[len(s.notes)-1].end)
}
