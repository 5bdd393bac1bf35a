// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package lag

import (
	"reflect"
	"time"

	"github.com/elastic/beats/v7/libbeat/beat"
)

// Mark is what an event has to come back with. The zero value is no event's.
type Mark struct {
	stream *stream
	seq    uint64
	end    int64 // place behind the event
}

// Source numbers the events of one producer. It is used by one goroutine at a time.
type Source struct {
	tracker *Tracker
	current *stream
	others  map[string]*stream // a producer may read several files; nil as long as it is one

	// Of the private part of the last event.
	private reflect.Type
	layout  *layout

	// Of the last event whose private part did not name the file.
	at  fields
	key string
}

// NewSource returns what one producer uses.
func (t *Tracker) NewSource() *Source { return &Source{tracker: t} }

// See numbers an event that was read. It costs no lock, but for the first event of each
// file and the first in each quarter of a second.
func (s *Source) See(event *beat.Event) Mark {
	if private := reflect.TypeOf(event.Private); private != s.private {
		s.private, s.layout = private, layoutOf(event.Private)
	}
	key, end := s.layout.placeOf(event.Private)
	if key == "" {
		at := fieldsOf(event)
		if !at.sameFile(&s.at) {
			s.key = at.key()
		}
		s.at = at
		key, end = s.key, at.end
	}
	if s.current == nil || s.current.key != key {
		s.turnTo(key, event)
	}
	c := s.current
	m := Mark{stream: c, seq: c.read.Load(), end: end}
	if tick := s.tracker.tick.Load(); c.tick != tick {
		c.tick = tick
		s.tracker.note(c, note{seq: m.seq, time: time.Now(), end: end})
	}
	c.read.Store(m.seq + 1)
	return m
}

// Forget undoes the last See: the event did not get into the queue.
func (s *Source) Forget() {
	c := s.current
	if c == nil || c.read.Load() == 0 {
		return
	}
	seq := c.read.Load() - 1
	c.read.Store(seq)
	c.tick = 0
	s.tracker.forget(c, seq)
}

// turnTo makes the stream with a key the current one.
func (s *Source) turnTo(key string, event *beat.Event) {
	next := s.others[key]
	if next == nil {
		next = s.tracker.newStream(key, fieldsOf(event))
		if s.current != nil && s.others == nil {
			s.others = map[string]*stream{s.current.key: s.current}
		}
		if s.others != nil {
			if len(s.others) >= maxFiles {
				clear(s.others)
			}
			s.others[key] = next
		}
	}
	s.current = next
}
