// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package tail

import (
	"context"
	"sync/atomic"
	"time"
)

const (
	// searchShare is the part of one core that all searches together may use.
	searchShare = 0.5
	// searchBurst is what a search begins with, and may save up: enough for the
	// records that are kept for pages that open.
	searchBurst = 50 * time.Millisecond
	// searchTurn is how long a search runs until another one may.
	searchTurn = 10 * time.Millisecond
)

// searches limit the CPU time of viewers that search. One searches at a time, so that
// other viewers and the receiver are not held up.
type searches struct {
	turn   chan struct{} // holds a token while no search runs
	active atomic.Int64
}

func newSearches() *searches {
	s := &searches{turn: make(chan struct{}, 1)}
	s.turn <- struct{}{}
	return s
}

// viewerSearch is a viewer's share. It belongs to the goroutine of its stream; the zero
// value is for those who do not search.
type viewerSearch struct {
	all  *searches
	left time.Duration // negative after a record that took long: then it has to pause
	last time.Time     // when left was last increased
}

func (s *searches) begin(q *query) viewerSearch {
	if !q.searches() {
		return viewerSearch{}
	}
	s.active.Add(1)
	return viewerSearch{all: s, left: searchBurst, last: time.Now()}
}

func (s *viewerSearch) end() {
	if s.all != nil {
		s.all.active.Add(-1)
	}
}

// each calls step for 0, 1 and so on below count, until step returns false, the time is
// used up or ctx ends. It returns how often it called it.
func (s *viewerSearch) each(ctx context.Context, count int, step func(i int) bool) (done int) {
	more := true
	for more && done < count && s.take(ctx) {
		began := time.Now()
		for more && done < count {
			more = step(done)
			done++
			if s.all != nil && time.Since(began) >= min(searchTurn, s.left) {
				break
			}
		}
		s.giveBack(time.Since(began))
	}
	return done
}

// take waits for the turn. It returns false if the search has to pause, or ctx ends.
func (s *viewerSearch) take(ctx context.Context) bool {
	if s.all == nil {
		return ctx.Err() == nil
	}
	now := time.Now()
	gained := float64(now.Sub(s.last)) * searchShare / float64(s.all.active.Load())
	s.left, s.last = min(s.left+time.Duration(gained), searchBurst), now
	if s.left <= 0 {
		return false
	}
	select {
	case <-s.all.turn:
		return true
	case <-ctx.Done():
		return false
	}
}

func (s *viewerSearch) giveBack(spent time.Duration) {
	if s.all != nil {
		s.left -= spent
		s.all.turn <- struct{}{}
	}
}
