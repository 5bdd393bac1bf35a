// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package session

import (
	"time"

	"filebeat-websocket/outputs/websocket/ack"
	"filebeat-websocket/outputs/websocket/internal/conn"
)

// apply settles what a verdict settles. The Ping that it may ask for is the
// caller's business.
func (s *Session) apply(v ack.Verdict) {
	if v.Confirmed == 0 && v.Refused == nil && !v.Progress && v.Pause == 0 {
		return
	}
	s.stateMutex.Lock()
	before := s.window.Settled()
	done, err := s.window.Confirm(v.Confirmed, nil)
	if v.Refused != nil && err == nil {
		done, err = s.refuseLocked(*v.Refused, done)
	}
	if s.window.Settled() > before || v.Progress || v.Refused != nil {
		s.confirmedAt = time.Now()
	}
	if v.Pause > 0 {
		s.pauseUntil = time.Now().Add(min(v.Pause, s.options.MaxPause))
	}
	for _, f := range done {
		f.outcome.Confirmed = f.batch.Messages()
	}
	if len(done) > 0 || v.Pause > 0 {
		s.broadcast()
	}
	s.stateMutex.Unlock()
	for _, f := range done {
		f.release()
	}
	if err != nil {
		s.conn.Close(conn.CloseProtocolError, "")
		s.fail(err)
	}
}

// refuseLocked notes that the receiver did not take a message. The first verdict
// on a message stands.
func (s *Session) refuseLocked(refusal ack.Refusal, done []*flight) ([]*flight, error) {
	number := refusal.Message
	if s.window.IsSettled(number) {
		return done, nil
	}
	if f, first, found := s.window.Find(number); found {
		refusal.Message = number - first
		f.outcome.Refused = append(f.outcome.Refused, refusal)
	}
	return s.window.Settle(number, done)
}
