// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/protocol"
)

func withID(id string, n int) string {
	return fmt.Sprintf(`{"@timestamp":"2021-02-05T22:17:09.123Z","@metadata":{"beat":"filebeat","_id":%q},"n":%d}`, id, n)
}

// dedupOf remembers ids before a sink.
func dedupOf(t testing.TB, entries int) (*Dedup, *sink) {
	t.Helper()
	s := &sink{}
	d, err := NewDedup(entries, s.Consume, nil)
	require.NoError(t, err)
	return d, s
}

func TestRecordID(t *testing.T) {
	for name, test := range map[string]struct{ record, want string }{
		"in the metadata": {`{"@metadata":{"beat":"x","_id":"a"},"b":1}`, `"a"`},
		"in metadata that come last, with white space": {`{ "b" : [1,{"_id":"z"}] , "@metadata" : { "_id" : "a" , "c" : 1 } }`, `"a"`},
		"a number":                       {`{"@metadata":{"_id":-12}}`, `-12`},
		"flattened":                      {`{"@metadata._id":"a","b":1}`, `"a"`},
		"none":                           {`{"@metadata":{"beat":"x"},"a_id":1}`, ``},
		"none without metadata":          {`{"b":{"_id":"z"}}`, ``},
		"not one of the application":     {`{"_id":"a","@metadata":{}}`, ``},
		"not one deeper in the metadata": {`{"@metadata":{"x":{"_id":"a"}}}`, ``},
		"an empty one":                   {`{"@metadata":{"_id":""}}`, ``},
		"null":                           {`{"@metadata":{"_id":null}}`, ``},
		"an object":                      {`{"@metadata":{"_id":{}}}`, ``},
		"metadata that are none":         {`{"@metadata":"_id","x":"_id"}`, ``},
		"an array":                       {`[{"@metadata":{"_id":"a"}}]`, ``},
		"text":                           {`"@metadata._id"`, ``},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, test.want, string(recordID([]byte(test.record))))
		})
	}
}

func TestDedupWritesARecordOnce(t *testing.T) {
	consume := func(t *testing.T, d *Dedup, records ...string) {
		t.Helper()
		require.NoError(t, d.Consume(t.Context(), batchOf(records...)))
	}
	t.Run("also if it comes again among others, or twice in a message", func(t *testing.T) {
		d, s := dedupOf(t, 10)
		consume(t, d, withID("a", 1), `{"n":2}`, withID("b", 3))
		consume(t, d, withID("a", 4), withID("a", 5), withID("c", 6), withID("c", 7), `{"n":2}`)
		consume(t, d, withID("b", 8))
		require.Equal(t, []string{withID("a", 1), `{"n":2}`, withID("b", 3), withID("c", 6), `{"n":2}`}, s.got())
		require.Len(t, s.batches, 2, "nothing left is no call")
		records, chunks := d.Hits()
		require.EqualValues(t, 4, records)
		require.Zero(t, chunks)
	})
	t.Run("as long as it is among the newest", func(t *testing.T) {
		d, s := dedupOf(t, 2)
		consume(t, d, withID("a", 1), withID("b", 2))
		consume(t, d, withID("a", 3), withID("c", 4)) // a is the oldest all the same
		consume(t, d, withID("b", 5), withID("c", 6), withID("a", 7))
		require.Equal(t, []string{withID("a", 1), withID("b", 2), withID("c", 4), withID("a", 7)}, s.got())
	})
	t.Run("but again if it was refused the first time", func(t *testing.T) {
		said := error(&Refusal{Reason: "no", Retry: true})
		var got []string
		d, err := NewDedup(10, func(_ context.Context, b *Batch) error {
			for _, r := range b.Records {
				got = append(got, string(r))
			}
			return said
		}, nil)
		require.NoError(t, err)
		require.Equal(t, said, d.Consume(t.Context(), batchOf(withID("a", 1))))
		said = errors.New("broken")
		require.Equal(t, said, d.Consume(t.Context(), batchOf(withID("a", 2))))
		said = nil
		consume(t, d, withID("a", 3))
		consume(t, d, withID("a", 4))
		require.Equal(t, []string{withID("a", 1), withID("a", 2), withID("a", 3)}, got)
	})
	t.Run("and a refusal names the message's records", func(t *testing.T) {
		said := error(nil)
		var got []string
		d, err := NewDedup(10, func(_ context.Context, b *Batch) error {
			got = nil
			for _, r := range b.Records {
				got = append(got, string(r))
			}
			return said
		}, nil)
		require.NoError(t, err)
		consume(t, d, withID("a", 0))
		said = &Refusal{Reason: "no", Retry: true, Records: []int{1}}
		err = d.Consume(t.Context(), batchOf(withID("a", 1), withID("b", 2), withID("c", 3), withID("c", 4), withID("b", 5)))
		refusal := (*Refusal)(nil)
		require.ErrorAs(t, err, &refusal)
		require.Equal(t, &Refusal{Reason: "no", Retry: true, Records: []int{2, 3}}, refusal, "who repeats a refused record is refused too")
		require.Equal(t, []string{withID("b", 2), withID("c", 3)}, got)
		said = nil
		consume(t, d, withID("c", 3), withID("c", 4), withID("b", 2))
		require.Equal(t, []string{withID("c", 3)}, got)

		said = &Refusal{Reason: "no", Records: []int{1}}
		require.Equal(t, said, d.Consume(t.Context(), batchOf(withID("d", 1), `{}`)), "nothing was left out")
		said = &Refusal{Reason: "no", Records: []int{1}}
		err = d.Consume(t.Context(), batchOf(withID("d", 1), withID("e", 1)))
		require.ErrorContains(t, err, "names record 1 of 1")
		require.NotErrorAs(t, err, &refusal, "it is not one of the message")
		said = nil
		consume(t, d, withID("e", 1))
		require.Equal(t, []string{withID("e", 1)}, got)
	})
	t.Run("without a word for records that have none", func(t *testing.T) {
		d, s := dedupOf(t, 1)
		b := batchOf(`{"a_id":1}`, `{}`)
		require.Zero(t, testing.AllocsPerRun(100, func() {
			s.records, s.batches = nil, nil
			require.False(t, new(part).identify(b))
		}))
		consume(t, d, `{}`, `{}`)
		require.Len(t, s.got(), 2)
	})
}

func TestDedupLeavesOutChunks(t *testing.T) {
	chunks := func(records []string, ids []string, counts ...int) *Batch {
		b := batchOf(records...)
		b.Chunks, b.ChunkRecords = ids, counts
		return b
	}
	var got []*Batch
	said := error(nil)
	d, err := NewDedup(10, func(_ context.Context, b *Batch) error {
		seen := chunks(nil, b.Chunks, append([]int(nil), b.ChunkRecords...)...)
		for _, r := range b.Records {
			seen.Records = append(seen.Records, append([]byte(nil), r...))
		}
		got = append(got, seen)
		return said
	}, nil)
	require.NoError(t, err)
	require.NoError(t, d.Consume(t.Context(), chunks([]string{"1", "2"}, []string{"x"}, 2)))
	require.NoError(t, d.Consume(t.Context(), chunks([]string{"1", "2"}, []string{"x"}, 2)))
	require.Len(t, got, 1)
	require.NoError(t, d.Consume(t.Context(), chunks([]string{"0", "1", "2", "3", "4", "4"}, []string{"", "x", "y", "z", "z"}, 1, 2, 1, 1, 1)))
	require.Equal(t, chunks([]string{"0", "3", "4"}, []string{"", "x", "y", "z", "z"}, 1, 0, 1, 1, 0), got[1])
	_, hits := d.Hits()
	require.EqualValues(t, 3, hits)

	said = &Refusal{Reason: "no", Records: []int{1}}
	require.Error(t, d.Consume(t.Context(), chunks([]string{"5", "6", "7"}, []string{"v", "w"}, 2, 1)))
	said = nil
	require.NoError(t, d.Consume(t.Context(), chunks([]string{"5", "6", "7"}, []string{"v", "w"}, 2, 1)))
	require.Equal(t, chunks([]string{"5", "6"}, []string{"v", "w"}, 2, 0), got[3], "a chunk is taken when all of it is")

	require.NoError(t, d.Consume(t.Context(), chunks([]string{withID("x", 1)}, []string{"new"}, 1)))
	require.Len(t, got, 5, "the id of a record is none of a chunk")
	require.NoError(t, d.Consume(t.Context(), chunks([]string{"1"}, []string{"x"}, 2)))
	require.Len(t, got, 6, "counts that do not add up say nothing")
}

func TestDedupForgetsWhatACommitLost(t *testing.T) {
	var fails error
	during := func() {}
	var consumed int
	d, err := NewDedup(3, func(_ context.Context, b *Batch) error {
		consumed += len(b.Records)
		return nil
	}, func(context.Context) error {
		during()
		return fails
	})
	require.NoError(t, err)
	consume := func(id string, want int) {
		t.Helper()
		consumed = 0
		require.NoError(t, d.Consume(t.Context(), batchOf(withID(id, 0))))
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
	d, err := NewDedup(3, func(context.Context, *Batch) error {
		if consumed++; consumed == 1 {
			close(inConsume)
			<-goOn
		}
		return nil
	}, func(context.Context) error { return errDisk })
	require.NoError(t, err)
	done := make(chan error)
	go func() { done <- d.Consume(context.Background(), batchOf(withID("a", 1))) }()
	<-inConsume
	require.ErrorIs(t, d.Commit(t.Context()), errDisk)
	close(goOn)
	require.NoError(t, <-done)
	require.NoError(t, d.Consume(t.Context(), batchOf(withID("a", 1))))
	require.Equal(t, 2, consumed)
}

func TestARecordInFlightOnTwoConnectionsWaitsForTheFirst(t *testing.T) {
	for name, test := range map[string]struct {
		first error
		want  int
	}{
		"it was taken: the second is a duplicate": {nil, 1},
		"it was not: the second is written":       {&Refusal{Reason: "disk full", Retry: true}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				goOn := make(chan error)
				calls := 0
				d, err := NewDedup(3, func(context.Context, *Batch) error {
					if calls++; calls == 1 {
						return <-goOn
					}
					return nil
				}, nil)
				require.NoError(t, err)
				first, second := make(chan error, 1), make(chan error, 1)
				go func() { first <- d.Consume(context.Background(), batchOf(withID("a", 1), withID("b", 1))) }()
				synctest.Wait()
				go func() { second <- d.Consume(context.Background(), batchOf(withID("b", 2))) }()
				synctest.Wait()
				require.Empty(t, second, "it waits")
				require.NoError(t, d.Consume(context.Background(), batchOf(withID("c", 3))), "others do not")
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
	var mu sync.Mutex
	written, calls := map[string]int{}, 0
	d, err := NewDedup(ids, func(_ context.Context, b *Batch) error {
		mu.Lock()
		defer mu.Unlock()
		if calls++; calls%3 == 0 {
			return &Refusal{Reason: "busy", Retry: true}
		}
		for _, r := range b.Records {
			written[string(recordID(r))]++
		}
		return nil
	}, nil)
	require.NoError(t, err)
	var all sync.WaitGroup
	for sender := range senders {
		all.Go(func() {
			for i := range ids {
				at := (i*(2*sender+1) + sender*31) % ids
				batch := batchOf(withID(fmt.Sprint(at), sender), withID(fmt.Sprint((at+7)%ids), sender))
				for d.Consume(context.Background(), batch) != nil {
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

// TestAHandlerWithDedupOnADiskThatFails is the whole way: what comes again after
// a sync that failed is written, what comes again after an ack is not.
func TestAHandlerWithDedupOnADiskThatFails(t *testing.T) {
	disk, s := storeOn(t, "")
	d, err := NewDedup(100, s.Consume, s.Commit)
	require.NoError(t, err)
	_, url := start(t, Options{Consume: d.Consume, Commit: d.Commit})
	c := dial(t, url, protocol.Subprotocol)
	c.send(t, withID("a", 1))
	c.replies(t, `{"ack":1}`)
	disk.syncErr = errDisk
	c.send(t, withID("b", 2))
	c.replies(t, `{"nack":2,"reason":"output failed","retry":true}`)
	disk.syncErr = nil
	c.send(t, withID("b", 3))
	c.replies(t, `{"ack":3}`)
	c.send(t, withID("a", 4), withID("b", 5), withID("c", 6))
	for got := ""; got != `{"ack":6}`; {
		got = take(t, c.messages)
	}
	require.Equal(t, withID("a", 1)+"\n"+withID("b", 3)+"\n"+withID("c", 6)+"\n", disk.onDisk)
}

func TestNewDedupNamesWhatIsMissing(t *testing.T) {
	_, err := NewDedup(0, new(sink).Consume, nil)
	require.ErrorContains(t, err, "less than 1 entry")
	_, err = NewDedup(1, nil, nil)
	require.ErrorContains(t, err, "consume is missing")
	d, err := NewDedup(1, new(sink).Consume, nil)
	require.NoError(t, err)
	require.NoError(t, d.Commit(t.Context()))
}

func FuzzRecordID(f *testing.F) {
	f.Add([]byte(withID("a", 1)))
	f.Add([]byte(`{"@metadata._id":"a","x":[{}]}`))
	f.Fuzz(func(t *testing.T, record []byte) {
		s := scanner{data: record}
		value, _, err := s.record()
		if err != nil || !s.end() {
			return // Consume sees valid JSON only
		}
		if id := recordID(value); id != nil {
			require.NotEmpty(t, id)
			require.Contains(t, string(value), string(id))
		}
	})
}

// BenchmarkDedup is what it costs a store that writes nowhere: 200-byte records,
// 1600 in a message.
func BenchmarkDedup(b *testing.B) {
	pad := fmt.Sprintf("%0150d", 0)
	for _, kind := range []string{"no ids", "new ids", "old ids"} {
		b.Run(kind, func(b *testing.B) {
			d, err := NewDedup(1_000_000, func(context.Context, *Batch) error { return nil }, nil)
			require.NoError(b, err)
			b.ReportAllocs()
			n := 0
			batch := &Batch{Records: make([][]byte, 1600)}
			for b.Loop() {
				b.StopTimer()
				for i := range batch.Records {
					switch kind {
					case "no ids":
						batch.Records[i] = fmt.Appendf(batch.Records[i][:0], `{"message":"%s","n":%d}`, pad, n)
					default:
						batch.Records[i] = fmt.Appendf(batch.Records[i][:0], `{"@metadata":{"_id":"%020d"},"message":"%s"}`, n, pad)
					}
					if n++; kind == "old ids" {
						n %= 1600
					}
				}
				b.StartTimer()
				if err := d.Consume(context.Background(), batch); err != nil {
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
		m.add(identityOf(recordKind, binary.BigEndian.AppendUint64(nil, i)))
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	require.Len(t, m.known, entries)
	require.Less(t, (after.HeapAlloc-before.HeapAlloc)/entries, uint64(90))
	runtime.KeepAlive(m)
}
