// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package session

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// dies waits for the session's end and returns how long that took.
func dies(t *testing.T, s *Session, says string) time.Duration {
	t.Helper()
	begun := time.Now()
	<-s.Done()
	require.ErrorIs(t, s.Err(), ErrTimeout)
	require.ErrorContains(t, s.Err(), says)
	s.loops.Wait()
	return time.Since(begun)
}

func TestAConfirmationThatTakesTooLongEndsTheSession(t *testing.T) {
	t.Run("counted from the write of the oldest batch", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s, _ := openSession(t, "ping", testOptions(), answersFirst(1))
			time.Sleep(time.Hour) // idle is not late
			first := send(s, "a")
			require.Equal(t, result{taken: true}, <-first.returned)
			time.Sleep(10 * time.Second)
			second := send(s, "b")
			require.Equal(t, result{taken: true}, <-second.returned)
			require.Equal(t, 20*time.Second, dies(t, s, "no confirmation within 30s"))
			for _, b := range []*sent{first, second} {
				o := <-b.outcome
				require.Equal(t, s.Err(), o.Cause)
				require.Zero(t, o.Confirmed)
				require.False(t, o.Alone)
			}
		})
	})
	t.Run("not while the peer is slow to read the batch", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			go func() {
				p := &peer{fake: f, answer: answersFirst(1)}
				p.take(<-f.toPeer)
				time.Sleep(2 * time.Minute)
				p.take(<-f.toPeer)
			}()
			s, err := Open(t.Context(), f, newStrategy(t, "ping"), testOptions())
			require.NoError(t, err)
			b := send(s, "a")
			require.Equal(t, 2*time.Minute+30*time.Second, dies(t, s, "no confirmation"))
			<-b.outcome
		})
	})
	t.Run("or from the last confirmation", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s, p := openSession(t, "message", testOptions(), nil)
			first, second := send(s, "a"), newFlight("b", "c")
			<-first.returned
			_, err := s.Send(second)
			require.NoError(t, err)
			time.Sleep(25 * time.Second)
			p.reply(`{"ack": 1}`)
			require.NoError(t, (<-first.outcome).Cause)
			time.Sleep(25 * time.Second)
			p.reply(`{"ack": 2}`) // a part of the second
			require.Equal(t, 30*time.Second, dies(t, s, "no confirmation"))
			o := <-second.outcome
			require.Equal(t, 1, o.Confirmed)
			require.True(t, o.Alone)
		})
	})
}

func TestOnlyWhatIsNewPutsTheTimeoutOff(t *testing.T) {
	for name, c := range map[string]struct {
		reply string
		lives bool
	}{
		"the same number again":  {`{"ack": 1}`, false},
		"the same refusal again": {`{"nack": 1, "retry": false}`, false},
		"a message of no sense":  {`hello`, false},
		"progress":               {`{"progress": true}`, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, p := openSession(t, "message", testOptions(), nil)
				first := send(s, "a")
				<-first.returned
				p.reply(`{"ack": 1}`)
				<-first.outcome
				second := send(s, "b")
				<-second.returned
				for range 20 {
					time.Sleep(10 * time.Second)
					p.reply(c.reply)
				}
				synctest.Wait()
				require.Equal(t, c.lives, s.Err() == nil)
				s.fail(ErrClosed)
				s.loops.Wait()
				<-second.outcome
			})
		})
	}
}

func TestProgressPutsTheTimeoutOffTenTimesAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := openSession(t, "message", testOptions(), nil)
		b := newFlight("a", "b")
		_, err := s.Send(b)
		require.NoError(t, err)
		working := func(times int) {
			for range times {
				time.Sleep(20 * time.Second)
				p.reply(`{"progress": true}`)
				synctest.Wait()
			}
		}
		working(14) // 280 s
		p.reply(`{"ack": 1}`)
		synctest.Wait()
		working(14)
		require.NoError(t, s.Err(), "a confirmation begins the time anew")
		time.Sleep(time.Second)
		p.reply(`{"progress": true}`)
		require.Equal(t, 19*time.Second, dies(t, s, "no confirmation within 5m0s, only progress"))
		require.Equal(t, 1, (<-b.outcome).Confirmed)
	})
}

func TestTheHeartbeat(t *testing.T) {
	options := testOptions()
	options.PingInterval = 20 * time.Second

	t.Run("is sent while nothing else is, and its answer keeps the session alive", func(t *testing.T) {
		for _, ackName := range []string{"none", "ping", "message"} {
			synctest.Test(t, func(t *testing.T) {
				s, p := openSession(t, ackName, options, honest)
				before := p.count(ping)
				time.Sleep(time.Hour + time.Second)
				require.Equal(t, before+180, p.count(ping))
				require.NoError(t, s.Err())
				s.Close(within(t, time.Second))
			})
		}
	})
	t.Run("is off with 0", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s, p := openSession(t, "ping", testOptions(), honest)
			time.Sleep(time.Hour)
			require.Equal(t, 1, p.count(ping))
			s.Close(within(t, time.Second))
		})
	})
	t.Run("counts from the last Ping, also a batch's", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s, p := openSession(t, "ping", options, honest)
			time.Sleep(15 * time.Second)
			<-send(s, "a").outcome
			time.Sleep(19 * time.Second)
			require.Equal(t, 2, p.count(ping))
			time.Sleep(2 * time.Second)
			require.Equal(t, 3, p.count(ping))
			s.Close(within(t, time.Second))
		})
	})
	t.Run("ends the session if nothing is heard after it", func(t *testing.T) {
		for _, ackName := range []string{"none", "ping", "message"} {
			synctest.Test(t, func(t *testing.T) {
				answers := 0
				if ackName == "ping" {
					answers = 1
				}
				s, _ := openSession(t, ackName, options, answersFirst(answers))
				require.Equal(t, 20*time.Second+30*time.Second, dies(t, s, "nothing heard within 30s after a heartbeat"))
			})
		}
	})
	t.Run("is answered by whatever is heard", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s, p := openSession(t, "none", options, nil)
			for range 100 {
				time.Sleep(25 * time.Second)
				p.reply("something")
			}
			require.NoError(t, s.Err())
			s.fail(ErrClosed)
			s.loops.Wait()
		})
	})
	t.Run("that waits for room in the socket is not late before it is written", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			p := &peer{fake: f, answer: honest}
			go func() {
				p.take(<-f.toPeer) // the probe
				time.Sleep(20*time.Second + 25*time.Second)
				heartbeat := <-f.toPeer // it was stuck for 25 s
				time.Sleep(20 * time.Second)
				p.take(heartbeat)
				serve(f, honest)
			}()
			s, err := Open(t.Context(), f, newStrategy(t, "ping"), options)
			require.NoError(t, err)
			time.Sleep(2 * time.Minute)
			require.NoError(t, s.Err(), "the answer took 20 s of 30")
			s.Close(within(t, time.Second))
		})
	})
	t.Run("does not wait for a Send that is stuck", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			p := &peer{fake: f, answer: honest}
			go func() { p.take(<-f.toPeer) }()
			s, err := Open(t.Context(), f, newStrategy(t, "ping"), options)
			require.NoError(t, err)
			b := send(s, "a")
			time.Sleep(5 * time.Minute)
			require.NoError(t, s.Err(), "back-pressure is no reason to die")
			p.take(<-f.toPeer)
			require.NoError(t, (<-b.outcome).Cause)
			serve(f, honest)
			s.Close(within(t, time.Second))
		})
	})
}

func TestARoundTripIsMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		options := testOptions()
		took := make(chan time.Duration, 10)
		options.RoundTrip = func(d time.Duration) { took <- d }
		s, _ := openSession(t, "ping", options, func(p *peer, f frame) {
			time.Sleep(3 * time.Second)
			honest(p, f)
		})
		b := send(s, "a")
		require.NoError(t, (<-b.outcome).Cause)
		require.Equal(t, 6*time.Second, <-took) // the peer is 3 s on the message, 3 s on the Ping
		s.Close(within(t, time.Minute))
	})
}
