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

// Close ends the session. It takes nothing new, waits for the confirmation of what is
// in flight until ctx is done, and then does the closing handshake. After the
// deadline, the handshake has closeAnswerTimeout. What is still not confirmed is lost
// with ErrClosed. When Close returns, both loops have ended.
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

// sendClose sends a Close frame. From then on the session ends with that cause,
// whatever ends it.
func (s *Session) sendClose(code protocol.CloseCode, cause error) {
	s.stateMutex.Lock()
	if s.ending == nil {
		s.ending = cause
	}
	s.stateMutex.Unlock()
	s.conn.Close(code, "")
}

// drain waits until nothing is in flight or ctx is done.
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
