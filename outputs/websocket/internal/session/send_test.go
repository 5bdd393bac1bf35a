// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package session

import (
	"errors"
	"io"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/outputs/websocket/internal/conn"
	"filebeat-websocket/outputs/websocket/internal/window"
	"filebeat-websocket/protocol"
)

func TestABatchIsConfirmed(t *testing.T) {
	for _, ackName := range []string{"none", "ping", "message"} {
		t.Run(ackName, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, p := openSession(t, ackName, testOptions(), honest)
				b := send(s, "a", "b", "c")
				require.Equal(t, result{taken: true}, <-b.returned)
				if ackName == "message" {
					p.reply(`{"ack": 3}`)
				}
				o := <-b.outcome
				require.NoError(t, o.Cause)
				require.Equal(t, 3, o.Confirmed)
				synctest.Wait()
				require.Equal(t, 3, p.count(message))
				s.Close(within(t, time.Second))
			})
		})
	}
}

func TestSendWaitsForAPlaceInTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := openSession(t, "message", testOptions(), honest) // pipelining 2
		first, second := send(s, "a"), newFlight("b")
		<-first.returned
		_, err := s.Send(second)
		require.NoError(t, err)
		third := send(s, "c")
		synctest.Wait()
		require.Equal(t, 2, p.count(message))
		require.Empty(t, third.returned)
		p.reply(`{"ack": 1}`)
		require.Equal(t, result{taken: true}, <-third.returned)
		synctest.Wait()
		require.Equal(t, 3, p.count(message))
		p.reply(`{"ack": 3}`)
		<-third.outcome
		s.Close(within(t, time.Second))
	})
}

func TestABatchThatHasToBeAloneIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := openSession(t, "message", testOptions(), honest)
		first, alone, third := send(s, "a"), newFlight("b"), newFlight("c")
		alone.alone = true
		<-first.returned
		returned := make(chan struct{}, 2)
		go func() {
			for _, b := range []*fakeFlight{alone, third} {
				_, _ = s.Send(b)
				returned <- struct{}{}
			}
		}()
		synctest.Wait()
		require.Equal(t, 1, p.count(message), "it waits for what is in flight")
		p.reply(`{"ack": 1}`)
		<-returned
		synctest.Wait()
		require.Equal(t, 2, p.count(message), "and what comes after waits for it")
		p.reply(`{"ack": 2}`)
		<-returned
		p.end(io.ErrUnexpectedEOF)
		o := <-third.outcome
		require.True(t, o.Alone)
		require.ErrorIs(t, o.Cause, io.ErrUnexpectedEOF)
		s.loops.Wait()
	})
}

func TestAPauseKeepsNewMessagesBack(t *testing.T) {
	for name, c := range map[string]struct {
		own   time.Duration // of this side, before the peer's
		pause string
		takes time.Duration
	}{
		"as long as it says":                 {0, `{"pause": "5s"}`, 5 * time.Second},
		"at most MaxPause":                   {0, `{"pause": "5h"}`, time.Minute},
		"and does not shorten this side's":   {10 * time.Second, `{"pause": "5s"}`, 10 * time.Second},
		"nor is it shortened by this side's": {time.Second, `{"pause": "5s"}`, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, p := openSession(t, "message", testOptions(), honest)
				s.Pause(c.own)
				p.reply(c.pause)
				synctest.Wait()
				begun := time.Now()
				b := send(s, "a")
				<-b.returned
				require.Equal(t, c.takes, time.Since(begun))
				p.reply(`{"ack": 1}`)
				<-b.outcome
				s.Close(within(t, time.Second))
			})
		})
	}
}

func TestAWriteThatFailsLetsTheReaderSpeakFirst(t *testing.T) {
	refused := &conn.CloseError{Code: 1009}
	for name, c := range map[string]struct {
		write error
		read  func(*fake)
		takes time.Duration
		want  error
	}{
		"it has the Close frame": {
			write: syscall.ECONNRESET, read: func(f *fake) { f.end(refused) }, want: refused,
		},
		"it comes to the Close frame a little later": {
			write: syscall.EPIPE, takes: 50 * time.Millisecond, want: refused,
			read: func(f *fake) { time.AfterFunc(50*time.Millisecond, func() { f.end(refused) }) },
		},
		"it has nothing to say": {
			write: syscall.EPIPE, read: func(*fake) {}, takes: readAfterWriteError, want: syscall.EPIPE,
		},
		"a timeout is ours, not the peer's": {
			write: os.ErrDeadlineExceeded, read: func(*fake) {}, want: os.ErrDeadlineExceeded,
		},
	} {
		for what, options := range map[string]Options{"a batch": testOptions(), "a heartbeat": {Pipelining: 1, Timeout: time.Minute, PingInterval: time.Hour}} {
			t.Run(name+", of "+what, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					f := &failing{fake: newFake()}
					serve(f.fake, honest)
					f.flush = func() error {
						c.read(f.fake)
						return c.write
					}
					s, err := Open(t.Context(), f, newStrategy(t, "none"), options)
					require.NoError(t, err)
					begun := time.Now()
					if options.PingInterval > 0 {
						<-s.Done()
						begun = begun.Add(options.PingInterval)
					} else {
						b := newFlight("a")
						taken, err := s.Send(b)
						require.True(t, taken)
						require.ErrorIs(t, err, c.want)
						require.ErrorIs(t, (<-b.outcome).Cause, c.want)
					}
					require.ErrorIs(t, s.Err(), c.want)
					require.Equal(t, c.takes, time.Since(begun))
					s.loops.Wait()
				})
			})
		}
	}
}

// failing is a connection whose Flush fails.
type failing struct {
	*fake
	flush func() error
}

func (f *failing) Flush() error { return f.flush() }

func TestSendAfterTheEndTakesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := openSession(t, "ping", testOptions(), honest)
		p.end(io.ErrUnexpectedEOF)
		<-s.Done()
		b := newFlight("a")
		taken, err := s.Send(b)
		require.False(t, taken)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		require.False(t, b.settled.Load())
		s.loops.Wait()
	})
}

func TestTheEndIsToldBeforeTheBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		options := testOptions()
		options.Ended = func(error) { told = append(told, "end") }
		s, p := openSession(t, "message", options, honest)
		for _, text := range []string{"a", "b"} {
			b := newFlight(text)
			b.told = func(o Outcome) {
				told = append(told, text)
				require.False(t, o.Alone)
			}
			_, err := s.Send(b)
			require.NoError(t, err)
		}
		p.end(errors.New("some end"))
		s.loops.Wait()
		require.Equal(t, []string{"end", "a", "b"}, told)
	})
}

func TestRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := openSession(t, "message", testOptions(), honest)
		b, second := newFlight("a", "b", "c"), newFlight("d", "e")
		for _, b := range []*fakeFlight{b, second} {
			_, err := s.Send(b)
			require.NoError(t, err)
		}
		p.reply(`{"nack": 2, "records": [1], "reason": "no"}`)
		p.reply(`{"nack": 2, "retry": true, "reason": "the first verdict stands"}`)
		p.reply(`{"nack": 5, "retry": true}`)
		p.reply(`{"ack": 3}`)
		o := <-b.outcome
		require.NoError(t, o.Cause)
		require.Equal(t, 3, o.Confirmed)
		require.Len(t, o.Refused, 1)
		require.EqualValues(t, 1, o.Refused[0].Message)
		require.Equal(t, []int{1}, o.Refused[0].Records)
		require.False(t, o.Refused[0].Retry)

		p.end(io.ErrUnexpectedEOF)
		o = <-second.outcome
		require.Error(t, o.Cause)
		require.Zero(t, o.Confirmed)
		require.Len(t, o.Refused, 1)
		require.EqualValues(t, 1, o.Refused[0].Message, "beyond what is confirmed")
		s.loops.Wait()
	})
}

func TestAConfirmationOfWhatWasNotSentEndsTheSessionWith1002(t *testing.T) {
	for name, reply := range map[string]string{"ack": `{"ack": 3}`, "nack": `{"nack": 3, "retry": false}`} {
		t.Run(name+" beyond the last batch", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, p := openSession(t, "message", testOptions(), honest)
				b := send(s, "a", "b")
				<-b.returned
				p.reply(reply)
				<-s.Done()
				s.loops.Wait()
				require.ErrorIs(t, s.Err(), window.ErrFuture)
				require.ErrorIs(t, (<-b.outcome).Cause, window.ErrFuture)
				synctest.Wait()
				require.Equal(t, protocol.CloseProtocolError, p.last().code)
			})
		})
		t.Run(name+" inside of a batch that is being written", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &stopping{fake: newFake(), after: 2, goOn: make(chan struct{})}
				p := serve(f.fake, honest)
				s, err := Open(t.Context(), f, newStrategy(t, "message"), testOptions())
				require.NoError(t, err)
				b := send(s, "a", "b", "c", "d")
				synctest.Wait() // two messages are appended
				p.reply(reply)
				<-s.Done()
				require.ErrorIs(t, s.Err(), window.ErrFuture)
				close(f.goOn)
				require.ErrorIs(t, (<-b.outcome).Cause, window.ErrFuture)
				s.loops.Wait()
			})
		})
	}
}

// stopping is a connection whose AppendMessage waits after so many messages.
type stopping struct {
	*fake
	after int
	goOn  chan struct{}
}

func (f *stopping) AppendMessage(binaryFrame bool, size int, appendTo func([]byte) []byte) error {
	err := f.fake.AppendMessage(binaryFrame, size, appendTo)
	if f.after--; f.after == 0 {
		<-f.goOn
	}
	return err
}

func TestAMessageOfNoSenseIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ignored []error
		options := testOptions()
		options.Ignored = func(err error) { ignored = append(ignored, err) }
		s, p := openSession(t, "message", options, honest)
		p.reply("hello")
		p.reply("{")
		b := send(s, "a")
		<-b.returned
		p.reply(`{"ack": 1}`)
		require.NoError(t, (<-b.outcome).Cause)
		s.Close(within(t, time.Second))
		require.Len(t, ignored, 1)
	})
}
