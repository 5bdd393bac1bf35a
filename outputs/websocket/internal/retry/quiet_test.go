// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package retry

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/elastic/beats/v7/libbeat/outputs"
	"github.com/elastic/beats/v7/libbeat/publisher"
)

// scripted is a client whose Connect and Publish do what their functions say.
type scripted struct {
	outputs.NetworkClient
	connect, publish func() error
}

func (s scripted) Connect() error                                 { return s.connect() }
func (s scripted) Publish(context.Context, publisher.Batch) error { return s.publish() }
func (s scripted) String() string                                 { return "scripted" }

// clock is a Limiter's clock that the test moves.
type clock struct{ time.Time }

func newClock(l *Limiter) *clock {
	c := &clock{time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	l.now = func() time.Time { return c.Time }
	return c
}

func (c *clock) pass(d time.Duration) { c.Time = c.Add(d) }

func TestARepeatedFailureIsReturnedOnceInAnInterval(t *testing.T) {
	refused := func(port string) error {
		return errors.New("read tcp 127.0.0.1:" + port + "->127.0.0.1:80: connection reset by peer")
	}
	limiter := NewLimiter()
	now := newClock(limiter)
	times := 0
	q := NewQuiet(t.Context(), scripted{connect: func() error {
		times++
		now.pass(10 * time.Second)
		switch times {
		case 3:
			return errors.New("another")
		case 20:
			return nil
		default:
			return refused(strconv.Itoa(40_000 + times))
		}
	}}, limiter)

	require.EqualError(t, q.Connect(), refused("40001").Error())
	require.Equal(t, 1, times)
	require.EqualError(t, q.Connect(), "another")
	require.Equal(t, 3, times, "the second was as the first, but for the port of this side")
	require.EqualError(t, q.Connect(), refused("40007").Error()+" (4 more times since 12:00:10)")
	require.Equal(t, 7, times)
	require.EqualError(t, q.Connect(), refused("40013").Error()+" (5 more times since 12:01:10)")
	require.Error(t, q.Connect())
	require.NoError(t, q.Connect())
	require.Equal(t, 20, times)
}

// A server that accepts and closes makes every Publish fail.
func TestAPublishThatFailsAgainAndAgainConnectsByItself(t *testing.T) {
	limiter := NewLimiter()
	now := newClock(limiter)
	connects := 0
	q := NewQuiet(t.Context(), scripted{
		connect: func() error { connects++; return nil },
		publish: func() error { now.pass(time.Second); return errTest },
	}, limiter)
	returned := 0
	for range 120 {
		if q.Publish(context.Background(), nil) != nil {
			returned++
		}
	}
	require.Equal(t, 2, returned, "one a minute")
	require.Equal(t, 118, connects)
}

func TestFailuresThatDifferInATimeAreTheSame(t *testing.T) {
	limiter := NewLimiter()
	for i, text := range []string{
		"x509: certificate has expired or is not yet valid: current time 2026-11-28T06:03:35Z is after 2026-11-27T00:00:00Z",
		"x509: certificate has expired or is not yet valid: current time 2026-11-28T06:03:36Z is after 2026-11-27T00:00:00Z",
		"x509: certificate has expired or is not yet valid: current time 2026-11-28T08:03:36.123+02:00 is after 2026-11-27T00:00:00Z",
	} {
		_, worth := limiter.Worth(text)
		require.Equal(t, i == 0, worth, text)
	}
}

func TestFailuresThatAreAllDifferentHaveOneLimit(t *testing.T) {
	limiter := NewLimiter()
	now := newClock(limiter)
	logged, last := 0, ""
	for i := range 600 {
		now.pass(100 * time.Millisecond)
		if note, worth := limiter.Worth(fmt.Sprintf("503, request %x", i)); worth {
			logged++
			last = note
		}
		require.LessOrEqual(t, len(limiter.lines), maxLines)
	}
	require.Equal(t, maxLines, logged)
	require.Empty(t, last)
	now.pass(repeatInterval)
	note, worth := limiter.Worth("another one")
	require.True(t, worth)
	require.Equal(t, " (592 other failures were not logged)", note)
}

func TestRecoveredIsAboutWhatWasLogged(t *testing.T) {
	limiter := NewLimiter()
	require.True(t, limiter.Recovered(), "the first connection")
	require.False(t, limiter.Recovered())
	_, _ = limiter.Worth("ended")
	require.True(t, limiter.Recovered())
	_, _ = limiter.Worth("ended")
	require.False(t, limiter.Recovered(), "its end was not logged")
}

// libbeat logs an error of Connect or Publish as an ERROR, and it is none.
func TestClosingIsNotAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		q := NewQuiet(ctx, scripted{
			connect: func() error { time.Sleep(time.Second); return errTest },
			publish: func() error { return errTest },
		}, NewLimiter())
		require.Error(t, q.Connect())
		ended := make(chan error)
		go func() { ended <- q.Connect() }()
		synctest.Wait()
		require.Equal(t, "scripted", q.String())
		cancel()
		require.NoError(t, <-ended)
		require.NoError(t, q.Publish(context.Background(), nil))
		require.Equal(t, "scripted (closing)", q.String())
	})
}
