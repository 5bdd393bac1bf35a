// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package session

import (
	"errors"
	"fmt"
	"time"
)

// watchLoop sends heartbeats, and ends the session when a confirmation or the answer
// to a heartbeat is overdue. Open starts it, and it ends with the session.
func (s *Session) watchLoop() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-s.dead:
			return
		case <-s.poke:
		case <-timer.C:
		}
		next, err := s.watch(time.Now())
		if err != nil {
			if errors.Is(err, ErrTimeout) {
				s.fail(err)
			} else {
				s.writeFailed(err)
			}
			return
		}
		if next.IsZero() {
			timer.Stop()
			continue
		}
		timer.Reset(time.Until(next))
	}
}

// wakeWatch makes watchLoop check its deadlines.
func (s *Session) wakeWatch() {
	select {
	case s.poke <- struct{}{}:
	default:
	}
}

// watch does what is due and returns when to look again: the zero time if there is no
// deadline.
func (s *Session) watch(now time.Time) (next time.Time, err error) {
	s.stateMutex.Lock()
	overdue, onlyProgress := s.confirmationDueLocked()
	awaitSince, pingAt := s.awaitSince, s.pingAt
	s.stateMutex.Unlock()

	sooner := func(t time.Time) {
		if next.IsZero() || t.Before(next) {
			next = t
		}
	}
	if !overdue.IsZero() {
		if !now.Before(overdue) {
			if onlyProgress {
				return next, fmt.Errorf("%w: no confirmation within %v, only progress", ErrTimeout, progressTimeouts*s.options.Timeout)
			}
			return next, fmt.Errorf("%w: no confirmation within %v", ErrTimeout, s.options.Timeout)
		}
		sooner(overdue)
	}
	if !awaitSince.IsZero() {
		overdue := awaitSince.Add(s.options.Timeout)
		if !now.Before(overdue) {
			return next, fmt.Errorf("%w: nothing heard within %v after a heartbeat", ErrTimeout, s.options.Timeout)
		}
		sooner(overdue)
	}
	if s.options.PingInterval > 0 {
		due := pingAt.Add(s.options.PingInterval)
		if !now.Before(due) {
			if err := s.heartbeat(now); err != nil {
				return next, err
			}
			due = now.Add(s.options.PingInterval)
			sooner(now.Add(s.options.Timeout))
		}
		sooner(due)
	}
	return next, nil
}

// progressTimeouts is for how many timeouts a peer may say that it is still working
// without settling anything. A peer that says so for ever holds events for ever.
const progressTimeouts = 10

// confirmationDueLocked returns when a confirmation is overdue: the zero time if none
// is awaited. onlyProgress says that the peer has used up its time with progress.
func (s *Session) confirmationDueLocked() (due time.Time, onlyProgress bool) {
	oldest, found := s.window.Oldest()
	if !found || oldest.writtenAt.IsZero() {
		return time.Time{}, false
	}
	since := oldest.writtenAt
	if s.settledAt.After(since) {
		since = s.settledAt // a busy peer, not a dead one
	}
	due, end := since.Add(s.options.Timeout), since.Add(progressTimeouts*s.options.Timeout)
	if working := s.progressAt.Add(s.options.Timeout); working.After(due) {
		due = working
	}
	if due.Before(end) {
		return due, false
	}
	return end, true
}

// heartbeat sends a Ping, unless a batch is being written, which a Ping follows anyway,
// or a Close frame was sent.
func (s *Session) heartbeat(now time.Time) error {
	if !s.writeMutex.TryLock() {
		return nil
	}
	defer s.writeMutex.Unlock()
	s.stateMutex.Lock()
	if s.ending != nil {
		s.stateMutex.Unlock()
		return nil
	}
	payload := s.strategy.Heartbeat().Ping
	s.pingWrittenLocked(now)
	awaited := s.awaitSince.IsZero()
	if awaited {
		s.awaitSince = now
	}
	s.stateMutex.Unlock()
	s.conn.AppendPing(payload)
	if err := s.conn.Flush(); err != nil {
		return err
	}
	s.stateMutex.Lock()
	if awaited && !s.awaitSince.IsZero() {
		s.awaitSince = time.Now() // the wait for the answer begins here
	}
	s.stateMutex.Unlock()
	return nil
}
