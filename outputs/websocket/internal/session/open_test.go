// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/outputs/websocket/ack"
	"filebeat-websocket/outputs/websocket/internal/conn"
)

func TestOpenWaitsUntilThePeerIsKnown(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(*peer, frame) // nil: nothing is read
		mute   bool
		cancel time.Duration
		takes  time.Duration
		fails  string
		is     error
	}{
		"an answer opens it":                  {answer: honest},
		"a peer without payloads opens it":    {answer: func(p *peer, _ frame) { p.pong("") }},
		"no answer within timeout":            {answer: answersFirst(0), takes: 30 * time.Second, is: ErrTimeout, fails: "timeout: no answer to the first Ping within 30s"},
		"a Close frame instead of an answer":  {answer: func(p *peer, _ frame) { p.end(&conn.CloseError{Code: 1013}) }, fails: "the server closed the connection with code 1013"},
		"a cancel ends the wait":              {answer: answersFirst(0), cancel: time.Second, takes: time.Second, is: ErrClosed},
		"a cancel ends a write that is stuck": {cancel: time.Second, takes: time.Second, is: ErrClosed},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if c.cancel > 0 {
					time.AfterFunc(c.cancel, cancel)
				}
				f := newFake()
				if c.answer != nil {
					serve(f, c.answer)
				}
				options := testOptions()
				options.Ended = func(error) { require.Fail(t, "a session that was not opened has not ended") }
				begun := time.Now()
				s, err := Open(ctx, f, newStrategy(t, "ping"), options)
				require.Equal(t, c.takes, time.Since(begun))
				if c.fails == "" && c.is == nil {
					require.NoError(t, err)
					require.NoError(t, s.Err())
					s.options.Ended = nil
					s.fail(ErrClosed)
					s.loops.Wait()
					return
				}
				require.Nil(t, s)
				require.ErrorContains(t, err, c.fails)
				if c.is != nil {
					require.ErrorIs(t, err, c.is)
				}
				<-f.cut // it owned the connection
			})
		})
	}
}

func TestACancelAfterOpenChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		f := newFake()
		serve(f, honest)
		s, err := Open(ctx, f, newStrategy(t, "ping"), testOptions())
		require.NoError(t, err)
		cancel()
		synctest.Wait()
		require.NoError(t, s.Err())
		s.Close(within(t, time.Second))
	})
}

func TestTheFirstPingIsFirstOnTheWire(t *testing.T) {
	// A Pong that comes unasked, before anything was written, makes the strategy
	// ask for its second Ping while the first is about to be written.
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.pong("unasked")
		opened := make(chan *Session, 1)
		pinging := newStrategy(t, "ping")
		go func() {
			s, _ := Open(t.Context(), f, pinging, testOptions())
			opened <- s
		}()
		p := &peer{fake: f, answer: honest}
		p.take(<-f.toPeer)
		serve(f, honest)
		s := <-opened
		require.NotNil(t, s)
		require.Equal(t, "\x00\x00\x00\x00\x00\x00\x00\x01", p.read[0].payload)
		s.Close(within(t, time.Second))
	})
}

// calls is a strategy that checks the order of its calls.
type calls struct {
	ack.Strategy
	t      *testing.T
	opened bool
}

func (c *calls) Open() ack.Verdict {
	c.opened = true
	return c.Strategy.Open()
}

func (c *calls) Pong(payload []byte) ack.Verdict {
	require.True(c.t, c.opened, "Open is the first call")
	return c.Strategy.Pong(payload)
}

func TestTheStrategyIsOpenedFirst(t *testing.T) {
	for range 100 {
		f := newFake()
		f.pong("early")
		serve(f, honest)
		s, err := Open(t.Context(), f, &calls{Strategy: newStrategy(t, "ping"), t: t}, testOptions())
		require.NoError(t, err)
		s.Close(within(t, time.Second))
	}
}

func TestANoteComesFromTheStrategy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := openSession(t, "ping", testOptions(), func(p *peer, f frame) {
			if f.kind == closing {
				honest(p, f)
				return
			}
			p.pong("")
		})
		require.Contains(t, s.Note(), "without their payload")
		s.Close(within(t, time.Second))
	})
}
