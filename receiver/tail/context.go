// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package tail

const (
	maxContext = 5 // records before and after a hit
	// What a viewer remembers of records that did not match.
	maxContextFiles = 256
	maxContextBytes = 1 << 20
)

// surroundings find the records around a hit: those next to it in its file. The zero
// value finds none. It belongs to the goroutine of a stream.
type surroundings struct {
	lines int // before and after a hit
	files map[source]*nearby
	bytes int // of the records in before
	shown []*shownRecord
}

type source struct{ host, file string }

// nearby is what a file has around the place that was read last.
type nearby struct {
	before []*shownRecord // not shown, oldest first
	after  int            // records still to be shown
}

// pass takes the next record of the stream and returns the records to show by now:
// those before a hit and the hit, or a record behind one. The result is valid until the
// next call.
func (s *surroundings) pass(r *shownRecord, hit bool) []*shownRecord {
	s.shown = s.shown[:0]
	if s.lines == 0 {
		if hit {
			s.shown = append(s.shown, r)
		}
		return s.shown
	}
	near := s.near(r)
	switch {
	case hit:
		s.shown = append(append(s.shown, near.before...), r)
		for _, one := range near.before {
			s.bytes -= len(one.raw)
		}
		near.before, near.after = near.before[:0], s.lines
	case near.after > 0:
		near.after--
		s.shown = append(s.shown, r)
	default:
		near.before = append(near.before, r)
		s.bytes += len(r.raw)
		if len(near.before) > s.lines {
			s.bytes -= len(near.before[0].raw)
			near.before[0] = nil
			near.before = near.before[1:]
		}
	}
	return s.shown
}

func (s *surroundings) near(r *shownRecord) *nearby {
	from := source{r.Host, r.File}
	if found := s.files[from]; found != nil && s.bytes < maxContextBytes {
		return found
	}
	if s.files == nil || len(s.files) >= maxContextFiles || s.bytes >= maxContextBytes {
		s.files, s.bytes = map[source]*nearby{}, 0 // with many files, the context of some is lost
	}
	found := &nearby{}
	s.files[from] = found
	return found
}
