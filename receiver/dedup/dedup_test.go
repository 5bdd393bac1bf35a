// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package dedup

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"filebeat-websocket/protocol"
	"filebeat-websocket/receiver"
)

// withID is a record that n tells apart, but for a Dedup: it is the same one each time
// that it comes.
func withID(id string, n int) string {
	return fmt.Sprintf(`{"@timestamp":"2021-02-05T22:17:09.123Z","@metadata":{"beat":"filebeat","_id":%q},"agent":{"id":"x","ephemeral_id":"%d"}}`, id, n)
}

func messageOf(records ...string) *receiver.Message {
	m := &receiver.Message{Format: "json"}
	for _, r := range records {
		m.Records = append(m.Records, []byte(r))
	}
	return m
}

// sink keeps copies of records.
type sink struct {
	mutex   sync.Mutex
	calls   int
	records []string
}

func (s *sink) Consume(_ context.Context, m *receiver.Message) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.calls++
	for _, r := range m.Records {
		s.records = append(s.records, string(r))
	}
	return nil
}

func (s *sink) Commit(context.Context) error { return nil }

func (s *sink) got() []string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.records
}

// funcSink is a Sink of two functions.
type funcSink struct {
	consume func(context.Context, *receiver.Message) error
	commit  func(context.Context) error
}

func (s funcSink) Consume(ctx context.Context, m *receiver.Message) error { return s.consume(ctx, m) }
func (s funcSink) Commit(ctx context.Context) error                       { return s.commit(ctx) }

var errDisk = errors.New("the disk is broken")

// dedupOf remembers ids before a sink.
func dedupOf(entries int) (*Dedup, *sink) {
	s := &sink{}
	d := New(entries, s)
	return d, s
}

// leftOut is what a Dedup has left out, without zeros.
func leftOut(d *Dedup) map[Reason]uint64 {
	counts := map[Reason]uint64{}
	for _, reason := range Reasons() {
		if count := d.LeftOut(reason); count > 0 {
			counts[reason] = count
		}
	}
	return counts
}

func TestDedupWritesARecordOnce(t *testing.T) {
	consume := func(t *testing.T, d *Dedup, records ...string) {
		t.Helper()
		require.NoError(t, d.Consume(t.Context(), messageOf(records...)))
	}
	t.Run("also if it comes again among others, or twice in a message", func(t *testing.T) {
		d, s := dedupOf(10)
		consume(t, d, withID("a", 1), `{"n":2}`, withID("b", 3))
		consume(t, d, withID("a", 4), withID("a", 5), withID("c", 6), withID("c", 7), `{"n":2}`)
		consume(t, d, withID("b", 8))
		require.Equal(t, []string{withID("a", 1), `{"n":2}`, withID("b", 3), withID("c", 6), `{"n":2}`}, s.got())
		require.Equal(t, 2, s.calls, "a message of which nothing is left is not handed on")
		require.Equal(t, map[Reason]uint64{ByID: 3, ByMessage: 1}, leftOut(d))
	})
	t.Run("as long as it is among the newest", func(t *testing.T) {
		d, s := dedupOf(2)
		consume(t, d, withID("a", 1), withID("b", 2))
		consume(t, d, withID("a", 3), withID("c", 4)) // a is the oldest all the same
		consume(t, d, withID("b", 5), withID("c", 6), withID("a", 7))
		require.Equal(t, []string{withID("a", 1), withID("b", 2), withID("c", 4), withID("a", 7)}, s.got())
	})
	t.Run("but again if it was refused the first time", func(t *testing.T) {
		said := error(&receiver.Refusal{Reason: "no", Retry: true})
		var got []string
		d := New(10, receiver.SinkFunc(func(_ context.Context, m *receiver.Message) error {
			for _, r := range m.Records {
				got = append(got, string(r))
			}
			return said
		}))
		require.Equal(t, said, d.Consume(t.Context(), messageOf(withID("a", 1))))
		said = errors.New("broken")
		require.Equal(t, said, d.Consume(t.Context(), messageOf(withID("a", 2))))
		said = nil
		consume(t, d, withID("a", 3))
		consume(t, d, withID("a", 4))
		require.Equal(t, []string{withID("a", 1), withID("a", 2), withID("a", 3)}, got)
	})
	t.Run("and a refusal names the message's records", func(t *testing.T) {
		said := error(nil)
		var got []string
		d := New(10, receiver.SinkFunc(func(_ context.Context, m *receiver.Message) error {
			got = nil
			for _, r := range m.Records {
				got = append(got, string(r))
			}
			return said
		}))
		consume(t, d, withID("a", 0))
		said = &receiver.Refusal{Reason: "no", Retry: true, Records: []int{1}}
		err := d.Consume(t.Context(), messageOf(withID("a", 1), withID("b", 2), withID("c", 3), withID("c", 4), withID("b", 5)))
		refusal, _ := errors.AsType[*receiver.Refusal](err)
		require.Equal(t, &receiver.Refusal{Reason: "no", Retry: true, Records: []int{2, 3}}, refusal, "who repeats a refused record is refused too")
		require.Equal(t, []string{withID("b", 2), withID("c", 3)}, got)
		said = nil
		consume(t, d, withID("c", 3), withID("c", 4), withID("b", 2))
		require.Equal(t, []string{withID("c", 3)}, got)

		said = &receiver.Refusal{Reason: "no", Records: []int{1}}
		require.Equal(t, said, d.Consume(t.Context(), messageOf(withID("d", 1), `{}`)), "nothing was left out")
		said = &receiver.Refusal{Reason: "no", Records: []int{1}}
		err = d.Consume(t.Context(), messageOf(withID("d", 1), withID("e", 1)))
		require.ErrorContains(t, err, "names record 1 of 1")
		_, isRefusal := errors.AsType[*receiver.Refusal](err)
		require.False(t, isRefusal, "it is not one of the message")
		said = nil
		consume(t, d, withID("e", 1))
		require.Equal(t, []string{withID("e", 1)}, got)
	})
	t.Run("without a word for records that have none", func(t *testing.T) {
		d, s := dedupOf(1)
		m := messageOf(`{"a_id":1}`, `{}`)
		require.Zero(t, testing.AllocsPerRun(100, func() {
			s.records = nil
			require.False(t, new(part).identify(m))
		}))
		consume(t, d, `{}`, `{}`)
		require.Len(t, s.got(), 2)
	})
}

func TestDedupLeavesOutChunks(t *testing.T) {
	chunks := func(records []string, ids []string, counts ...int) *receiver.Message {
		m := messageOf(records...)
		m.Chunks, m.ChunkRecords = ids, counts
		return m
	}
	var got []*receiver.Message
	said := error(nil)
	d := New(10, receiver.SinkFunc(func(_ context.Context, m *receiver.Message) error {
		seen := chunks(nil, m.Chunks, append([]int(nil), m.ChunkRecords...)...)
		for _, r := range m.Records {
			seen.Records = append(seen.Records, append([]byte(nil), r...))
		}
		got = append(got, seen)
		return said
	}))
	require.NoError(t, d.Consume(t.Context(), chunks([]string{"1", "2"}, []string{"x"}, 2)))
	require.NoError(t, d.Consume(t.Context(), chunks([]string{"1", "2"}, []string{"x"}, 2)))
	require.Len(t, got, 1)
	require.NoError(t, d.Consume(t.Context(), chunks([]string{"0", "1", "2", "3", "4", "4"}, []string{"", "x", "y", "z", "z"}, 1, 2, 1, 1, 1)))
	require.Equal(t, chunks([]string{"0", "3", "4"}, []string{"", "x", "y", "z", "z"}, 1, 0, 1, 1, 0), got[1])
	require.Equal(t, map[Reason]uint64{ByChunk: 5}, leftOut(d))

	said = &receiver.Refusal{Reason: "no", Records: []int{1}}
	require.Error(t, d.Consume(t.Context(), chunks([]string{"5", "6", "7"}, []string{"v", "w"}, 2, 1)))
	said = nil
	require.NoError(t, d.Consume(t.Context(), chunks([]string{"5", "6", "7"}, []string{"v", "w"}, 2, 1)))
	require.Equal(t, chunks([]string{"5", "6"}, []string{"v", "w"}, 2, 0), got[3], "a chunk is taken when all of it is")

	require.NoError(t, d.Consume(t.Context(), chunks([]string{withID("x", 1)}, []string{"new"}, 1)))
	require.Len(t, got, 5, "the id of a record is none of a chunk")
	require.NoError(t, d.Consume(t.Context(), chunks([]string{"1"}, []string{"x"}, 2)))
	require.Len(t, got, 6, "counts that do not add up say nothing")

	const ofFluentBit = "0123456789abcdef0123456789abcdef"
	require.NoError(t, d.Consume(t.Context(), chunks([]string{"8", "8"}, []string{ofFluentBit, ofFluentBit}, 1, 1)))
	require.NoError(t, d.Consume(t.Context(), chunks([]string{"8"}, []string{ofFluentBit}, 1)))
	require.Len(t, got[6].Records, 2, "a hash of the entries does not tell requests apart")
	require.Len(t, got, 8)
}

func TestAChunkMayHaveNoRecords(t *testing.T) {
	d, s := dedupOf(10)
	m := messageOf("1")
	m.Format, m.Chunks, m.ChunkRecords = "forward", []string{"a", "b"}, []int{1, 0}
	for range 2 {
		require.NoError(t, d.Consume(t.Context(), m))
	}
	require.Equal(t, []string{"1"}, s.got())
}

func TestARecordOfAChunkThatCameBeforeCountsOnce(t *testing.T) {
	d, s := dedupOf(10)
	m := messageOf(withID("a", 1))
	m.Format, m.Chunks, m.ChunkRecords = "forward", []string{"chunk"}, []int{1}
	for range 2 {
		require.NoError(t, d.Consume(t.Context(), m))
	}
	require.Equal(t, 1, m.Duplicates)
	require.Equal(t, map[Reason]uint64{ByChunk: 1}, leftOut(d))
	require.Len(t, s.got(), 1)
}

func TestDedupForgetsWhatACommitLost(t *testing.T) {
	var fails error
	during := func() {}
	var consumed int
	d := New(3, funcSink{func(_ context.Context, m *receiver.Message) error {
		consumed += len(m.Records)
		return nil
	}, func(context.Context) error {
		during()
		return fails
	}})
	consume := func(id string, want int) {
		t.Helper()
		consumed = 0
		require.NoError(t, d.Consume(t.Context(), messageOf(withID(id, 0))))
		require.Equal(t, want, consumed, id)
	}
	consume("a", 1)
	require.NoError(t, d.Commit(t.Context()))
	consume("b", 1)
	consume("b", 0)
	during = func() { consume("c", 1) }
	fails = errDisk
	require.ErrorIs(t, d.Commit(t.Context()), errDisk)
	during, fails = func() {}, nil
	consume("a", 0)
	consume("b", 1)
	consume("c", 1)
	during = func() { consume("d", 1) } // a gives way
	require.NoError(t, d.Commit(t.Context()))
	during, fails = func() {}, errDisk
	require.ErrorIs(t, d.Commit(t.Context()), errDisk)
	consume("b", 0)
	consume("c", 0)
	consume("d", 1)
	consume("a", 1)
	for i := range 10 { // more than it remembers, in one commit
		consume(fmt.Sprint(i), 1)
	}
	require.ErrorIs(t, d.Commit(t.Context()), errDisk)
	consume("9", 1)
	consume("d", 1)
}

func TestDedupDoesNotRememberWhatWasInConsumeWhenACommitFailed(t *testing.T) {
	inConsume, goOn := make(chan struct{}), make(chan struct{})
	consumed := 0
	d := New(3, funcSink{func(context.Context, *receiver.Message) error {
		if consumed++; consumed == 1 {
			close(inConsume)
			<-goOn
		}
		return nil
	}, func(context.Context) error { return errDisk }})
	done := make(chan error)
	go func() { done <- d.Consume(context.Background(), messageOf(withID("a", 1))) }()
	<-inConsume
	require.ErrorIs(t, d.Commit(t.Context()), errDisk)
	close(goOn)
	require.NoError(t, <-done)
	require.NoError(t, d.Consume(t.Context(), messageOf(withID("a", 1))))
	require.Equal(t, 2, consumed)
}

func TestARecordInFlightOnTwoConnectionsWaitsForTheFirst(t *testing.T) {
	for name, test := range map[string]struct {
		first error
		want  int
	}{
		"it was taken: the second is a duplicate": {nil, 1},
		"it was not: the second is written":       {&receiver.Refusal{Reason: "disk full", Retry: true}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				goOn := make(chan error)
				calls := 0
				d := New(3, receiver.SinkFunc(func(context.Context, *receiver.Message) error {
					if calls++; calls == 1 {
						return <-goOn
					}
					return nil
				}))
				first, second := make(chan error, 1), make(chan error, 1)
				go func() { first <- d.Consume(context.Background(), messageOf(withID("a", 1), withID("b", 1))) }()
				synctest.Wait()
				go func() { second <- d.Consume(context.Background(), messageOf(withID("b", 2))) }()
				synctest.Wait()
				require.Empty(t, second, "it waits")
				require.NoError(t, d.Consume(context.Background(), messageOf(withID("c", 3))), "others do not")
				calls--
				goOn <- test.first
				require.Equal(t, test.first, <-first)
				require.NoError(t, <-second)
				require.Equal(t, test.want, calls)
			})
		})
	}
}

// TestDedupUnderContention has many connections send the same records in
// different orders, over an output that refuses at random.
func TestDedupUnderContention(t *testing.T) {
	const ids, senders = 500, 8
	var mutex sync.Mutex
	written, calls := map[string]int{}, 0
	d := New(ids, receiver.SinkFunc(func(_ context.Context, m *receiver.Message) error {
		mutex.Lock()
		defer mutex.Unlock()
		if calls++; calls%3 == 0 {
			return &receiver.Refusal{Reason: "busy", Retry: true}
		}
		for _, r := range m.Records {
			n, _ := read(r)
			written[string(n.id)]++
		}
		return nil
	}))
	var all sync.WaitGroup
	for sender := range senders {
		all.Go(func() {
			for i := range ids {
				at := (i*(2*sender+1) + sender*31) % ids
				message := messageOf(withID(fmt.Sprint(at), sender), withID(fmt.Sprint((at+7)%ids), sender))
				for d.Consume(context.Background(), message) != nil {
					runtime.Gosched()
				}
			}
		})
	}
	all.Wait()
	require.Len(t, written, ids)
	for id, times := range written {
		require.Equal(t, 1, times, id)
	}
	require.Empty(t, d.flying)
}

// lossy is a Sink that loses what it was to commit while it fails.
type lossy struct {
	fails         atomic.Bool
	mutex         sync.Mutex
	written, kept []string
}

func (s *lossy) Consume(_ context.Context, m *receiver.Message) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, r := range m.Records {
		s.written = append(s.written, string(r))
	}
	return nil
}

func (s *lossy) Commit(context.Context) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	written := s.written
	s.written = nil
	if s.fails.Load() {
		return &receiver.Refusal{Reason: "output failed", Retry: true, Cause: errDisk}
	}
	s.kept = append(s.kept, written...)
	return nil
}

// TestAHandlerWithDedupOnADiskThatFails is the whole way: what comes again after
// a commit that failed is written, what comes again after an ack is not.
func TestAHandlerWithDedupOnADiskThatFails(t *testing.T) {
	s := &lossy{}
	handler, err := receiver.New(New(100, s), receiver.Options{CloseTimeout: 100 * time.Millisecond})
	require.NoError(t, err)
	server := httptest.NewServer(handler)
	defer server.Close()
	dialer := websocket.Dialer{Subprotocols: []string{protocol.Subprotocol}}
	ws, res, err := dialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(server.URL, "http"), nil)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	send := func(messages ...string) {
		t.Helper()
		for _, m := range messages {
			require.NoError(t, ws.WriteMessage(websocket.TextMessage, []byte(m)))
		}
	}
	// wait passes over progress, and acks of fewer messages.
	wait := func(want string) {
		t.Helper()
		require.NoError(t, ws.SetReadDeadline(time.Now().Add(5*time.Second)))
		for got := ""; got != want; {
			_, text, err := ws.ReadMessage()
			require.NoError(t, err)
			got = string(text)
		}
	}
	send(withID("a", 1))
	wait(`{"ack":1}`)
	s.fails.Store(true)
	send(withID("b", 2))
	wait(`{"nack":2,"reason":"output failed","retry":true}`)
	s.fails.Store(false)
	send(withID("b", 3))
	wait(`{"ack":3}`)
	send(withID("a", 4), withID("b", 5), withID("c", 6))
	wait(`{"ack":6}`)
	require.NoError(t, ws.Close())
	require.NoError(t, handler.Shutdown(t.Context()))
	require.Equal(t, []string{withID("a", 1), withID("b", 3), withID("c", 6)}, s.kept)
}

func TestADedupOfNothingRemembersOne(t *testing.T) {
	s := &sink{}
	d := New(0, s)
	for range 2 {
		require.NoError(t, d.Consume(t.Context(), messageOf(withID("a", 1))))
	}
	require.Equal(t, []string{withID("a", 1)}, s.got())
}

// BenchmarkDedup is what it costs a store that writes nowhere: 200-byte records,
// 1600 in a message.
func BenchmarkDedup(b *testing.B) {
	pad := fmt.Sprintf("%0150d", 0)
	for _, kind := range []string{"no ids", "new ids", "old ids"} {
		b.Run(kind, func(b *testing.B) {
			d := New(1_000_000, receiver.SinkFunc(func(context.Context, *receiver.Message) error { return nil }))
			b.ReportAllocs()
			n := 0
			message := &receiver.Message{Format: "json", Records: make([][]byte, 1600)}
			for b.Loop() {
				b.StopTimer()
				for i := range message.Records {
					switch kind {
					case "no ids":
						message.Records[i] = fmt.Appendf(message.Records[i][:0], `{"message":"%s","n":%d}`, pad, n)
					default:
						message.Records[i] = fmt.Appendf(message.Records[i][:0], `{"@metadata":{"_id":"%020d"},"agent":{"id":"x"},"message":"%s"}`, n, pad)
					}
					if n++; kind == "old ids" {
						n %= 1600
					}
				}
				b.StartTimer()
				if err := d.Consume(context.Background(), message); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1600, "ns/record")
		})
	}
}

// TestMemoryOfIDs holds the figure in docs/receiver.md.
func TestMemoryOfIDs(t *testing.T) {
	const entries = 1_000_000
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	m := newMemory(entries)
	for i := range uint64(2 * entries) {
		m.add(identityOf(binary.BigEndian.AppendUint64(nil, i)))
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	require.Len(t, m.known, entries)
	require.Less(t, (after.HeapAlloc-before.HeapAlloc)/entries, uint64(90))
	runtime.KeepAlive(m)
}
