// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package budget

import (
	"context"
	"slices"
	"sync"
)

// share is a number of bytes that is given out in the order of the claims.
type share struct {
	mutex  sync.Mutex
	max    int64
	used   int64
	claims []*claim // that wait, in their order
}

// claim is one that waits.
type claim struct {
	bytes   int64
	granted chan struct{} // closed when they are the claimer's
}

// enter takes bytes at once and returns nil, or returns a claim to wait for. More
// than all of the share is never granted: the caller checks that.
func (s *share) enter(bytes int64) *claim {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if len(s.claims) == 0 && s.used+bytes <= s.max {
		s.used += bytes
		return nil
	}
	waiting := &claim{bytes: bytes, granted: make(chan struct{})}
	s.claims = append(s.claims, waiting)
	return waiting
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

// take waits for bytes until ctx ends.
func (s *share) take(ctx context.Context, bytes int64) error {
	waiting := s.enter(bytes)
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
		s.used += s.claims[0].bytes
		close(s.claims[0].granted)
		s.claims = slices.Delete(s.claims, 0, 1)
	}
}

// short returns how many bytes are missing for all claims.
func (s *share) short() int64 {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	missing := s.used - s.max
	for _, c := range s.claims {
		missing += c.bytes
	}
	return missing
}

func (s *share) inUse() int64 {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.used
}
