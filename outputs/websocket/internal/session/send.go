// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package session

import (
	"errors"
	"net"
	"time"

	"filebeat-websocket/outputs/websocket/ack"
)

// Send writes the messages of a flight. It blocks while the window is full and
// while the peer does not read. It is called from one goroutine at a time.
//
// With taken true the session calls Settled exactly once, from this or another
// goroutine, maybe before Send returns. With taken false nothing was written and
// the caller still owns the flight. The error is the cause of the session's end.
func (s *Session) Send(flight Flight) (taken bool, err error) {
	f := &inFlight{flight: flight}
	f.holders.Store(2) // the window and this call
	last, err := s.reserve(f)
	if err != nil {
		return false, err
	}
	defer f.release()

	verdict, err := s.write(f, last)
	if err != nil {
		s.writeFailed(err)
		return true, s.Err()
	}
	s.apply(verdict)
	s.wakeWatch()
	return true, nil
}

// readAfterWriteError is how long the peer's last frames are still read after a write
// failed.
const readAfterWriteError = 100 * time.Millisecond

// writeFailed ends the session after a failed write. A peer that refuses what is
// being sent writes a Close frame and closes the connection, and the RST may end the
// write before the reader has reached the Close frame, whose code says what to do
// next. So the reader goes first: on a broken connection it does not take long.
func (s *Session) writeFailed(err error) {
	if timeout, ok := errors.AsType[net.Error](err); !ok || !timeout.Timeout() {
		wait := time.NewTimer(readAfterWriteError)
		defer wait.Stop()
		select {
		case <-s.dead:
		case <-wait.C:
		}
	}
	s.fail(err)
}

// reserve waits for a place in the window and takes it.
func (s *Session) reserve(f *inFlight) (last uint64, err error) {
	for {
		s.stateMutex.Lock()
		pause := max(time.Until(s.pauseUntil), time.Until(s.heldUntil))
		switch {
		case s.cause != nil:
			defer s.stateMutex.Unlock()
			return 0, s.cause
		case s.closing:
			defer s.stateMutex.Unlock()
			return 0, ErrClosed
		case s.hasRoomLocked(f.flight) && pause <= 0:
			defer s.stateMutex.Unlock()
			f.first = s.window.Sent() + 1
			return s.window.Push(f.flight.Messages(), f), nil
		}
		changed := s.changed
		s.stateMutex.Unlock()
		s.await(changed, pause)
	}
}

// hasRoomLocked reports whether next may be in flight beside what is in flight
// now.
func (s *Session) hasRoomLocked(next Flight) bool {
	oldest, found := s.window.Oldest()
	if !found {
		return true
	}
	return !s.window.Full() && !next.Alone() && !oldest.flight.Alone()
}

// await waits for a change, for the end of the session, or for the end of a pause.
func (s *Session) await(changed <-chan struct{}, pause time.Duration) {
	var over <-chan time.Time
	if pause > 0 {
		timer := time.NewTimer(pause)
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-changed:
	case <-s.dead:
	case <-over:
	}
}

// Pause holds new messages back for this time from now on, at most MaxPause. A pause
// that the peer asks for does not shorten it.
func (s *Session) Pause(wait time.Duration) {
	s.stateMutex.Lock()
	defer s.stateMutex.Unlock()
	s.heldUntil = time.Now().Add(min(wait, s.options.MaxPause))
	s.broadcast()
}

// write writes the messages and the Ping after them, and returns the strategy's
// verdict on what was sent.
func (s *Session) write(f *inFlight, last uint64) (ack.Verdict, error) {
	s.writeMutex.Lock()
	defer s.writeMutex.Unlock()

	messages := f.flight.Messages()
	next := 0
	appendTo := func(dst []byte) []byte {
		appended := f.flight.AppendTo(dst, next)
		s.readByStrategy(f.first+uint64(next), appended[len(dst):])
		return appended
	}
	for ; next < messages; next++ {
		s.written.Add(1)
		if err := s.conn.AppendMessage(s.options.Binary, f.flight.Size(next), appendTo); err != nil {
			return ack.Verdict{}, err
		}
	}
	s.stateMutex.Lock()
	verdict := s.strategy.Sent(last)
	if verdict.Ping != nil {
		s.pingWrittenLocked(time.Now())
	}
	s.stateMutex.Unlock()
	if verdict.Ping != nil {
		s.conn.AppendPing(verdict.Ping)
	}
	if err := s.conn.Flush(); err != nil {
		return ack.Verdict{}, err
	}
	s.stateMutex.Lock()
	f.writtenAt = time.Now() // the wait for its confirmation begins here
	s.stateMutex.Unlock()
	return verdict, nil
}

// readByStrategy passes a message to the strategy before it is masked, if the strategy
// is an ack.Reader.
func (s *Session) readByStrategy(number uint64, content []byte) {
	if s.reader == nil {
		return
	}
	s.stateMutex.Lock()
	defer s.stateMutex.Unlock()
	s.reader.Written(number, content)
}

// pingWrittenLocked notes that a Ping is written. If several are unanswered, the round
// trip is measured from the oldest.
func (s *Session) pingWrittenLocked(now time.Time) {
	s.pingAt = now
	if s.measureFrom.IsZero() {
		s.measureFrom = now
	}
}

// writePingLocked writes a Ping that does not belong to a batch. It does nothing if
// payload is nil. writeMutex is held.
func (s *Session) writePingLocked(payload []byte) error {
	if payload == nil {
		return nil
	}
	s.conn.AppendPing(payload)
	return s.conn.Flush()
}

// writeReply writes the answers of a strategy that is not ready yet. Nothing else is
// written then, so the reader, which calls this, does not wait for a writer.
func (s *Session) writeReply(v ack.Verdict) error {
	if v.Ping == nil && v.Reply == nil {
		return nil
	}
	s.writeMutex.Lock()
	defer s.writeMutex.Unlock()
	if v.Reply != nil {
		appendTo := func(dst []byte) []byte { return append(dst, v.Reply...) }
		if err := s.conn.AppendMessage(s.options.Binary, len(v.Reply), appendTo); err != nil {
			return err
		}
		if v.Ping == nil {
			return s.conn.Flush()
		}
	}
	return s.writePingLocked(v.Ping)
}
