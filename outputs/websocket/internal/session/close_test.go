// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package session

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/outputs/websocket/internal/conn"
)

func TestCloseDrainsThenShakesHands(t *testing.T) {
	const deadline = 5 * time.Second
	for name, c := range map[string]struct {
		answer    func(*peer, frame)
		takes     time.Duration
		confirmed bool
		frames    []kind
	}{
		"at once if all is confirmed and the peer answers": {
			answer: func(p *peer, f frame) {
				if f.kind == ping && p.count(ping) == 2 {
					time.Sleep(3 * time.Second)
				}
				honest(p, f)
			},
			takes: 3 * time.Second, confirmed: true, frames: []kind{ping, message, ping, closing},
		},
		"until the deadline if it does not confirm": {
			answer: func(p *peer, f frame) {
				if f.kind != ping || p.count(ping) == 1 {
					honest(p, f)
				}
			},
			takes: deadline, frames: []kind{ping, message, ping, closing},
		},
		"with a grace after it for the peer's Close frame": {
			answer: func(p *peer, f frame) {
				if f.kind == closing {
					time.Sleep(100 * time.Millisecond)
				}
				if f.kind != ping || p.count(ping) == 1 {
					honest(p, f)
				}
			},
			takes: deadline + 100*time.Millisecond, frames: []kind{ping, message, ping, closing},
		},
		"and no longer than that": {
			answer: answersFirst(1),
			takes:  deadline + closeAnswerTimeout, frames: []kind{ping, message, ping, closing},
		},
		"also if only the Close frame is not answered": {
			answer: answersFirst(2), confirmed: true,
			takes: deadline + closeAnswerTimeout, frames: []kind{ping, message, ping, closing},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				options := testOptions()
				options.PingInterval = 6 * time.Second
				var ended []error
				options.Ended = func(cause error) { ended = append(ended, cause) }
				s, p := openSession(t, "ping", options, c.answer)
				b := send(s, "a")
				require.Equal(t, result{taken: true}, <-b.returned)

				begun := time.Now()
				s.Close(within(t, deadline))
				require.Equal(t, c.takes, time.Since(begun))
				require.Equal(t, []error{ErrClosed}, ended, "it was this side that ended it")
				require.Equal(t, ErrClosed, s.Err())
				o := <-b.outcome
				if c.confirmed {
					require.NoError(t, o.Cause)
					require.Equal(t, 1, o.Confirmed)
				} else {
					require.Equal(t, ErrClosed, o.Cause)
				}
				require.Equal(t, c.frames, p.kinds())

				s.Close(within(t, deadline)) // once more changes nothing
				taken, err := s.Send(newFlight("late"))
				require.False(t, taken)
				require.Equal(t, ErrClosed, err)
			})
		})
	}
}

func TestNoHeartbeatFollowsTheCloseFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		options := testOptions()
		options.PingInterval = time.Second
		s, p := openSession(t, "ping", options, func(p *peer, f frame) {
			if f.kind == ping {
				p.pong(f.payload)
			}
		})
		s.Close(within(t, 10*time.Second))
		require.Equal(t, []kind{ping, closing}, p.kinds())
	})
}

func TestCloseFreesASendThatWaits(t *testing.T) {
	for name, ackName := range map[string]string{"for a place in the window": "ping", "for the end of a pause": "message"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				options := testOptions()
				options.Pipelining = 1
				s, p := openSession(t, ackName, options, func(p *peer, f frame) {
					if f.kind != ping || p.count(ping) == 1 {
						honest(p, f)
					}
				})
				first := send(s, "a")
				<-first.returned
				if ackName == "message" {
					p.reply(`{"ack": 1}`)
					p.reply(`{"pause": "1m"}`)
					<-first.outcome
					synctest.Wait() // the pause has come in
				}
				waits := send(s, "b")
				synctest.Wait()
				require.Empty(t, waits.returned)

				begun := time.Now()
				closed := make(chan struct{})
				go func() {
					s.Close(within(t, 5*time.Second))
					close(closed)
				}()
				require.Equal(t, result{false, ErrClosed}, <-waits.returned)
				require.Zero(t, time.Since(begun))
				<-closed
				require.False(t, waits.settled.Load(), "it is the caller's")
			})
		})
	}
}

func TestCloseEndsAWriteThatIsStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		p := &peer{fake: f, answer: honest}
		go func() { p.take(<-f.toPeer) }()
		s, err := Open(t.Context(), f, newStrategy(t, "ping"), testOptions())
		require.NoError(t, err)
		b := send(s, "a")
		synctest.Wait()
		begun := time.Now()
		s.Close(within(t, 5*time.Second))
		require.Less(t, time.Since(begun), 6*time.Second, "at most a second beyond the deadline")
		require.Equal(t, result{true, ErrClosed}, <-b.returned)
		require.Equal(t, ErrClosed, (<-b.outcome).Cause)
	})
}

func TestCloseMayBeCalledByManyAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := openSession(t, "ping", testOptions(), honest)
		b := send(s, "a")
		closed := make(chan struct{})
		for range 10 {
			go func() {
				s.Close(within(t, time.Second))
				closed <- struct{}{}
			}()
		}
		for range 10 {
			<-closed
		}
		if r := <-b.returned; r.taken {
			require.NoError(t, (<-b.outcome).Cause)
		}
		require.Equal(t, ErrClosed, s.Err())
		require.NotZero(t, p.count(closing))
	})
}

func TestAnEndDuringTheDrainKeepsItsCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := openSession(t, "ping", testOptions(), answersFirst(1))
		b := send(s, "a")
		<-b.returned
		time.AfterFunc(time.Second, func() { p.end(&conn.CloseError{Code: 1012}) })
		begun := time.Now()
		s.Close(within(t, 5*time.Second))
		require.Equal(t, time.Second, time.Since(begun))
		require.EqualError(t, (<-b.outcome).Cause, "the server closed the connection with code 1012")
	})
}
