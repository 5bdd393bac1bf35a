// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package budget

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const mebi = 1 << 20

// bubble runs f with a time of its own, and leaves evictLoop some to end in.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f(t)
		time.Sleep(time.Second)
	})
}

// ofEight returns a Budget with 8 MiB for what arrives.
func ofEight() *Budget {
	b := New(16 * mebi)
	b.arriving.max = 8 * mebi
	return b
}

// stall has clients whose messages of that many bytes never end.
func stall(t *testing.T, b *Budget, clients int, bytes int64) []*Lease {
	t.Helper()
	var list []*Lease
	for range clients {
		l := b.Open(t.Context())
		l.Begin()
		require.NoError(t, l.Grow(bytes))
		list = append(list, l)
		// The handler of the client: it lets go when it is told to.
		context.AfterFunc(l.Context(), l.Close)
	}
	return list
}

func evicted(list []*Lease) (count int) {
	for _, l := range list {
		if errors.Is(context.Cause(l.Context()), ErrShort) {
			count++
		}
	}
	return count
}

func TestStalledMessagesGiveWayToThoseThatMoveOn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := ofEight()
		small := stall(t, b, 1, mebi)
		time.Sleep(time.Second)
		large := stall(t, b, 1, 5*mebi)
		young := stall(t, b, 1, 2*mebi)
		time.Sleep(time.Second)

		good := b.Open(t.Context())
		defer good.Close()
		begin := time.Now()
		good.Begin()
		require.NoError(t, good.Grow(64<<10))
		require.LessOrEqual(t, time.Since(begin), evictInterval)
		require.Equal(t, 1, evicted(large), "5 MiB for a second")
		require.Zero(t, evicted(small), "1 MiB for two seconds")
		require.Zero(t, evicted(young), "2 MiB for a second")
		synctest.Wait()
		for _, l := range append(small, young...) {
			l.Close()
		}
		require.EqualValues(t, 64<<10, b.InUse())
	})
}

func TestAMessageThatHasJustBegunIsLeftAlone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := ofEight()
		first := stall(t, b, 8, mebi)
		good := b.Open(t.Context())
		defer good.Close()
		begin := time.Now()
		good.Begin()
		require.NoError(t, good.Grow(mebi))
		require.GreaterOrEqual(t, time.Since(begin), patience)
		require.Less(t, time.Since(begin), patience+3*evictInterval)
		require.Equal(t, 1, evicted(first))
		for _, l := range first {
			l.Close()
		}
	})
}

func TestWhoClaimsMoreCanBeTheOneThatHasToGo(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := ofEight()
		greedy := b.Open(t.Context())
		defer greedy.Close()
		greedy.Begin()
		require.NoError(t, greedy.Grow(6*mebi))
		others := stall(t, b, 2, mebi)
		time.Sleep(time.Second)
		require.ErrorIs(t, greedy.Grow(mebi), ErrShort)
		require.Zero(t, evicted(others))
		require.ErrorIs(t, greedy.Grow(1), ErrShort, "it has to go, also when there is room")
		for _, l := range others {
			l.Close()
		}
	})
}

func TestAMessageThatIsDecodedIsNotEvicted(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := ofEight()
		decoding := b.Open(t.Context())
		decoding.Begin()
		require.NoError(t, decoding.Grow(8*mebi))
		work, err := decoding.Quick(mebi)
		require.NoError(t, err)
		require.EqualValues(t, mebi/2, work.Bytes(), "a quarter of the lane")
		time.Sleep(time.Second)
		good := b.Open(t.Context())
		defer good.Close()
		grown := make(chan error, 1)
		go func() {
			good.Begin()
			grown <- good.Grow(mebi)
		}()
		time.Sleep(time.Second)
		require.Empty(t, grown, "it waits for the Sink")
		require.NoError(t, decoding.Context().Err())
		work.Trim(10)
		work.Close()
		decoding.Close()
		require.NoError(t, <-grown)
		require.EqualValues(t, mebi, b.InUse())
	})
}

func TestWhoWaitsForALaneCanBeEvicted(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := ofEight()
		first, second := b.Open(t.Context()), b.Open(t.Context())
		defer first.Close()
		all, err := first.Heavy(100 * mebi)
		require.NoError(t, err)
		second.Begin()
		require.NoError(t, second.Grow(8*mebi))
		waited := make(chan error, 1)
		go func() {
			_, err := second.Heavy(mebi)
			second.Close()
			waited <- err
		}()
		time.Sleep(time.Second)
		good := b.Open(t.Context())
		defer good.Close()
		good.Begin()
		require.NoError(t, good.Grow(mebi))
		require.ErrorIs(t, <-waited, ErrShort)
		all.Close()
		require.EqualValues(t, mebi, b.InUse(), "the claim on the lane is gone too")
	})
}

func TestClaimsAreServedInTheirOrder(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := share{max: 10}
		require.NoError(t, s.take(t.Context(), 7))
		order := make(chan string, 3)
		ask := func(ctx context.Context, name string, bytes int64) {
			go func() {
				if s.take(ctx, bytes) == nil {
					order <- name
				}
			}()
			synctest.Wait()
		}
		ctx, cancel := context.WithCancel(t.Context())
		ask(ctx, "gives up", 10)
		ask(t.Context(), "large", 8)
		ask(t.Context(), "small", 3)
		require.Empty(t, order, "nobody overtakes")
		cancel()
		synctest.Wait()
		s.give(7)
		require.Equal(t, "large", <-order)
		synctest.Wait()
		require.Empty(t, order)
		s.give(8)
		require.Equal(t, "small", <-order)
		require.EqualValues(t, 3, s.inUse())
	})
}

func TestWhoWouldHoldLeastIsServedFirst(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := share{max: 10}
		require.Nil(t, s.enter(10, 10))
		large, small, same := s.enter(5, 7), s.enter(2, 3), s.enter(2, 3)
		missing, waits := s.short()
		require.True(t, waits)
		require.EqualValues(t, 2, missing, "for the first")
		s.give(2)
		<-small.granted
		s.give(5)
		<-same.granted
		require.NotNil(t, s.enter(5, 7))
		require.Nil(t, s.enter(1, 1), "it overtakes, as there is room for it")
		s.give(3)
		<-large.granted
	})
}

func TestAThousandGreedyClientsDoNotHaveASmallOneEvicted(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := ofEight()
		var running sync.WaitGroup
		ctx, cancel := context.WithCancel(t.Context())
		for range 1000 {
			running.Go(func() {
				for ctx.Err() == nil {
					l := b.Open(ctx)
					l.Begin()
					for l.Grow(64<<10) == nil { //nolint:revive // it takes what it gets
					}
					l.Close()
				}
			})
		}
		time.Sleep(time.Second)
		for range 20 {
			good := b.Open(ctx)
			begin := time.Now()
			good.Begin()
			require.NoError(t, good.Grow(4<<10))
			require.Less(t, time.Since(begin), 2*patience)
			time.Sleep(2 * patience) // as on a machine that is busy
			require.NoError(t, good.Context().Err(), "it holds little")
			good.Close()
		}
		cancel()
		running.Wait()
		require.Zero(t, b.InUse())
	})
}

// TestNoDeadlockAndNothingLost has more clients than there is memory for, half of
// which stop in the middle.
func TestNoDeadlockAndNothingLost(t *testing.T) {
	b := New(4 * mebi)
	var running sync.WaitGroup
	done := make(chan bool, 64*20)
	for i := range 64 {
		running.Go(func() {
			for range 20 {
				l := b.Open(t.Context())
				l.Begin()
				err := error(nil)
				for range 1 + rand.IntN(10) {
					if err = l.Grow(int64(1 + rand.IntN(100_000))); err != nil {
						break
					}
				}
				if err == nil && i%2 == 0 {
					<-l.Context().Done() // it stalls, until it is evicted or the others are done
					err = context.Cause(l.Context())
				}
				if err == nil {
					lane := l.Quick
					if rand.IntN(2) == 0 {
						lane = l.Heavy
					}
					if work, workErr := lane(int64(rand.IntN(mebi))); workErr == nil {
						work.Trim(int64(rand.IntN(mebi)))
						work.Close()
					}
				}
				l.Close()
				done <- true
				if i%2 == 0 {
					return
				}
			}
		})
	}
	for range 32 * 20 { // the good ones alone; some of these are of the others
		<-done
	}
	b.mutex.Lock()
	for l := range b.leases {
		l.cancel(errors.New("the end"))
	}
	b.mutex.Unlock()
	running.Wait()
	require.Zero(t, b.InUse())
	require.Empty(t, b.leases)
}

func TestABufferGrowsWithWhatComes(t *testing.T) {
	b := ofEight()
	l := b.Open(t.Context())
	defer l.Close()
	l.Begin()
	buffer := l.Buffer()
	content := strings.Repeat("0123456789", 50_000)
	require.NoError(t, buffer.ReadAll(strings.NewReader(content), 500_000))
	require.Equal(t, content, string(buffer.Bytes()))
	require.EqualValues(t, 512<<10, b.InUse(), "the power of two that it fits in")
	buffer.Reset()
	require.Zero(t, b.InUse(), "a long one is not kept")
	require.ErrorIs(t, buffer.ReadAll(strings.NewReader(content), 499_999), ErrTooLong)
	buffer.Free()

	require.NoError(t, buffer.Append([]byte("hello, ")))
	require.NoError(t, buffer.Append([]byte("you")))
	require.EqualValues(t, smallestBuffer, b.InUse())
	buffer.Discard(7)
	require.Equal(t, "you", string(buffer.Bytes()))
	buffer.Reset()
	require.EqualValues(t, smallestBuffer, b.InUse())
	buffer.Free()
	buffer.Free()
	require.Zero(t, b.InUse())

	require.ErrorIs(t, buffer.ReadAll(io.MultiReader(bytes.NewReader(make([]byte, 6*mebi)), neverEnding{}), 100*mebi), ErrShort,
		"8 MiB can't be had while 8 MiB are held")
	buffer.Free()
}

func TestALongMessageAfterAnotherIsSparedTheCopiesOnTheWay(t *testing.T) {
	b := ofEight()
	l, other := b.Open(t.Context()), b.Open(t.Context())
	defer l.Close()
	defer other.Close()
	buffer := l.Buffer()
	sizes := func() (kibi []int64) {
		buffer.Reset()
		for range 100 {
			require.NoError(t, buffer.Append(make([]byte, 3<<10)))
			if now := l.bytes.Load() >> 10; len(kibi) == 0 || kibi[len(kibi)-1] != now {
				kibi = append(kibi, now)
			}
		}
		return kibi
	}
	doubling := []int64{4, 8, 16, 32, 64, 128, 256, 512}
	require.Equal(t, doubling, sizes())
	require.Equal(t, []int64{4, 8, 16, 512}, sizes())
	require.NoError(t, other.Grow(4*mebi))
	require.Equal(t, doubling, sizes(), "others need the memory")
}

type neverEnding struct{}

func (neverEnding) Read(p []byte) (int, error) { return len(p), nil }

// halves returns its last bytes together with io.EOF, as a TLS connection can.
type halves struct{ rest []byte }

func (h *halves) Read(p []byte) (int, error) {
	n := copy(p, h.rest)
	h.rest = h.rest[n:]
	if n > 0 {
		return n, io.EOF
	}
	return 0, net.ErrClosed
}

func TestAnEndOfFileBesideBytesIsNotTakenForTheEndOfTheMessage(t *testing.T) {
	b := New(mebi)
	l := b.Open(t.Context())
	defer l.Close()
	buffer := l.Buffer()
	defer buffer.Free()
	require.ErrorIs(t, buffer.ReadAll(&halves{[]byte("half")}, 100), net.ErrClosed)
	require.Equal(t, "half", string(buffer.Bytes()))
}

// finished is what gorilla's inflater does with a block that says that it is the last one.
type finished struct{ ended bool }

func (f *finished) Read(p []byte) (int, error) {
	if f.ended {
		return 0, io.ErrClosedPipe
	}
	f.ended = true
	return copy(p, "hello"), io.EOF
}

func TestAnInflaterThatIsClosedWithItsLastBytesHasEnded(t *testing.T) {
	l := New(mebi).Open(t.Context())
	defer l.Close()
	buffer := l.Buffer()
	defer buffer.Free()
	require.NoError(t, buffer.ReadAll(&finished{}, 100))
	require.Equal(t, "hello", string(buffer.Bytes()))
	require.ErrorIs(t, buffer.ReadAll(&finished{ended: true}, 100), io.ErrClosedPipe)
}
