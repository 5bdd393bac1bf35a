// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package session

import (
	"time"

	"filebeat-websocket/outputs/websocket/ack"
	"filebeat-websocket/outputs/websocket/internal/window"
	"filebeat-websocket/protocol"
)

// apply settles what a verdict settles. The caller writes what it asks to be written.
func (s *Session) apply(v ack.Verdict) {
	if v.Failed != nil {
		s.sendClose(protocol.CloseNormal, v.Failed)
		s.fail(v.Failed)
		return
	}
	if v.Confirmed == 0 && v.Settled == 0 && v.Refused == nil && !v.Progress && v.Pause == 0 {
		return
	}
	s.stateMutex.Lock()
	before := s.window.Settled()
	settled := false
	done, err := s.confirmLocked(v.Confirmed)
	if v.Settled > 0 && err == nil {
		settled = !s.window.IsSettled(v.Settled)
		done, err = s.settleLocked(v.Settled, done)
	}
	if v.Refused != nil && err == nil {
		settled = settled || !s.window.IsSettled(v.Refused.Message)
		done, err = s.refuseLocked(*v.Refused, done)
	}
	now := time.Now()
	if settled || s.window.Settled() > before {
		s.settledAt = now
	}
	if v.Progress {
		s.progressAt = now
	}
	if v.Pause > 0 {
		s.pauseUntil = now.Add(min(v.Pause, s.options.MaxPause))
	}
	for _, f := range done {
		f.outcome.Confirmed = f.flight.Messages()
	}
	if len(done) > 0 || v.Pause > 0 {
		s.broadcast()
	}
	s.stateMutex.Unlock()
	for _, f := range done {
		f.release()
	}
	if err != nil {
		s.sendClose(protocol.CloseProtocolError, err)
		s.fail(err)
	}
}

// confirmLocked settles all messages up to that number. It checks it against what was
// written: the window already has a flight whose messages are still being written.
func (s *Session) confirmLocked(through uint64) (done []*inFlight, err error) {
	if through > s.written.Load() {
		return nil, window.ErrFuture
	}
	return s.window.Confirm(through, nil)
}

// settleLocked settles one message.
func (s *Session) settleLocked(number uint64, done []*inFlight) ([]*inFlight, error) {
	if number > s.written.Load() {
		return done, window.ErrFuture
	}
	return s.window.Settle(number, done)
}

// refuseLocked notes that the receiver refused a message. The first verdict on a
// message counts.
func (s *Session) refuseLocked(refusal ack.Refusal, done []*inFlight) ([]*inFlight, error) {
	number := refusal.Message
	if number > s.written.Load() {
		return done, window.ErrFuture
	}
	if s.window.IsSettled(number) {
		return done, nil
	}
	if f, first, found := s.window.Find(number); found {
		refusal.Message = number - first
		f.outcome.Refused = append(f.outcome.Refused, refusal)
	}
	return s.window.Settle(number, done)
}
