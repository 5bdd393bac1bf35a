// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"time"

	"filebeat-websocket/protocol"
)

// closeAnswerTimeout ends the wait of a session for the answer to its Close frame,
// if its peer did not confirm everything in time.
const closeAnswerTimeout = 250 * time.Millisecond

// Close ends the session: nothing new is taken, batches in flight have until
// the deadline of ctx to be confirmed, then comes the closing handshake. After
// the deadline that gets closeAnswerTimeout more. Batches that are still not
// confirmed are lost with ErrClosed. When it returns, both loops have ended.
func (s *Session) Close(ctx context.Context) {
	s.stateMutex.Lock()
	s.closing = true
	s.broadcast()
	s.stateMutex.Unlock()

	s.drain(ctx)
	s.sendClose(protocol.CloseNormal, ErrClosed)
	select {
	case <-s.dead: // by the peer's Close frame, or by anything else
	case <-ctx.Done():
		grace := time.NewTimer(closeAnswerTimeout)
		defer grace.Stop()
		select {
		case <-s.dead:
		case <-grace.C:
		}
	}
	s.fail(ErrClosed)
	s.loops.Wait()
}

// sendClose sends a Close frame. From then on cause is why the session ends,
// whatever ends it.
func (s *Session) sendClose(code protocol.CloseCode, cause error) {
	s.stateMutex.Lock()
	if s.ending == nil {
		s.ending = cause
	}
	s.stateMutex.Unlock()
	s.conn.Close(code, "")
}

// drain waits until nothing is in flight, at most as long as ctx says.
func (s *Session) drain(ctx context.Context) {
	for {
		s.stateMutex.Lock()
		empty, changed := s.window.Len() == 0, s.changed
		s.stateMutex.Unlock()
		if empty {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}
