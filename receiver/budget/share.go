// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package budget

import (
	"cmp"
	"context"
	"slices"
	"sync"
)

// share is a number of bytes. The lowest claim is served first; equal ones in the order
// in which they came.
type share struct {
	mutex  sync.Mutex
	max    int64
	used   int64
	claims []*claim // waiting, in the order in which they are served
}

// claim waits for bytes of a share.
type claim struct {
	bytes   int64
	rank    int64
	granted chan struct{} // closed when the claimer has them
}

// enter takes bytes immediately and returns nil, or returns a claim to wait for. A claim
// for more than the whole share is never granted: the caller checks that.
func (s *share) enter(bytes, rank int64) *claim {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if len(s.claims) == 0 && s.used+bytes <= s.max {
		s.used += bytes
		return nil
	}
	at, _ := slices.BinarySearchFunc(s.claims, rank+1, func(c *claim, rank int64) int { return cmp.Compare(c.rank, rank) })
	if at == 0 && s.used+bytes <= s.max {
		s.used += bytes
		return nil
	}
	waiting := &claim{bytes: bytes, rank: rank, granted: make(chan struct{})}
	s.claims = slices.Insert(s.claims, at, waiting)
	return waiting
}

// try takes bytes if they are there.
func (s *share) try(bytes int64) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	fits := s.used+bytes <= s.max
	if fits {
		s.used += bytes
	}
	return fits
}

// hasPlenty reports whether half of the share is free after bytes are taken, and none waits.
func (s *share) hasPlenty(bytes int64) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return len(s.claims) == 0 && s.used+bytes <= s.max/2
}

// leave gives up a claim, also one that has been granted meanwhile.
func (s *share) leave(c *claim) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if i := slices.Index(s.claims, c); i >= 0 {
		s.claims = slices.Delete(s.claims, i, i+1)
	} else {
		s.used -= c.bytes
	}
	s.grantLocked()
}

// take waits for bytes until ctx ends, in the order of the calls.
func (s *share) take(ctx context.Context, bytes int64) error {
	waiting := s.enter(bytes, 0)
	if waiting == nil {
		return nil
	}
	select {
	case <-waiting.granted:
		return nil
	case <-ctx.Done():
		s.leave(waiting)
		return context.Cause(ctx)
	}
}

func (s *share) give(bytes int64) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.used -= bytes
	s.grantLocked()
}

func (s *share) grantLocked() {
	for len(s.claims) > 0 && s.used+s.claims[0].bytes <= s.max {
		first := s.claims[0]
		s.used += first.bytes
		close(first.granted)
		s.claims = slices.Delete(s.claims, 0, 1)
	}
}

// short returns how many bytes the first claim lacks, and whether there is a claim.
func (s *share) short() (missing int64, waits bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if len(s.claims) == 0 {
		return 0, false
	}
	return s.used + s.claims[0].bytes - s.max, true
}

func (s *share) inUse() int64 {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.used
}
