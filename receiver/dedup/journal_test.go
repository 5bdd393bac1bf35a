// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package dedup

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/receiver"
)

// requestOf is a request with a chunk.
func requestOf(chunk string, records ...string) *receiver.Message {
	m := messageOf(records...)
	m.Format, m.Chunks, m.ChunkRecords = "forward", []string{chunk}, []int{len(records)}
	return m
}

// keeping is a Dedup before next, as a process has it that opens the Journal.
func keeping(t *testing.T, name, origin string, entries int, next receiver.Sink) (d *Dedup, known int) {
	t.Helper()
	j, err := OpenJournal(name, origin)
	require.NoError(t, err)
	t.Cleanup(func() { _ = j.Close() })
	d = New(entries, next)
	known, err = d.Keep(j)
	require.NoError(t, err)
	return d, known
}

func TestRequestsAreKnownToTheNextProcess(t *testing.T) {
	name := filepath.Join(t.TempDir(), "journal")
	s := &sink{}
	d, known := keeping(t, name, "one", 100, s)
	require.Zero(t, known)
	require.NoError(t, d.Consume(t.Context(), requestOf("a", "1", "2")))
	require.NoError(t, d.Consume(t.Context(), requestOf("b", "3"))) // and killed before the Commit

	d, known = keeping(t, name, "one", 100, s)
	require.Equal(t, 2, known)
	again := requestOf("a", "1", "2")
	require.NoError(t, d.Consume(t.Context(), again))
	require.Equal(t, 2, again.Duplicates)
	require.NoError(t, d.Consume(t.Context(), requestOf("b", "4"))) // other records
	other := requestOf("b", "3")
	other.Peer.Sender = "somebody"
	require.NoError(t, d.Consume(t.Context(), other))
	require.Equal(t, []string{"1", "2", "3", "4", "3"}, s.got())
	require.EqualValues(t, 2, d.LeftOut(ByChunk))

	_, known = keeping(t, name, "one", 100, s)
	require.Equal(t, 4, known)
	content, err := os.ReadFile(name)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(name, content[:len(content)-1], 0o600))
	_, known = keeping(t, name, "one", 100, s)
	require.Equal(t, 3, known, "half an entry is none")
	_, known = keeping(t, name, "two", 100, s)
	require.Zero(t, known, "it is of another output, or another start of the machine")
	_, known = keeping(t, name, "one", 100, s)
	require.Zero(t, known)
}

func TestAFailedCommitIsForgottenByTheJournalToo(t *testing.T) {
	name := filepath.Join(t.TempDir(), "journal")
	var failure error
	next := funcSink{
		consume: func(context.Context, *receiver.Message) error { return nil },
		commit:  func(context.Context) error { return failure },
	}
	d, _ := keeping(t, name, "one", 100, next)
	require.NoError(t, d.Consume(t.Context(), requestOf("a", "1")))
	require.NoError(t, d.Commit(t.Context()))
	require.NoError(t, d.Consume(t.Context(), requestOf("b", "2")))
	failure = errDisk
	require.ErrorIs(t, d.Commit(t.Context()), errDisk)
	_, known := keeping(t, name, "one", 100, next)
	require.Equal(t, 1, known)
	failure = nil
	require.NoError(t, d.Consume(t.Context(), requestOf("c", "3")))
	_, known = keeping(t, name, "one", 100, next)
	require.Equal(t, 2, known)
}

func TestWhatIsRefusedIsNotInTheJournal(t *testing.T) {
	name := filepath.Join(t.TempDir(), "journal")
	next := funcSink{
		consume: func(context.Context, *receiver.Message) error {
			return &receiver.Refusal{Reason: "disk full", Retry: true}
		},
		commit: func(context.Context) error { return nil },
	}
	d, _ := keeping(t, name, "one", 100, next)
	require.Error(t, d.Consume(t.Context(), requestOf("a", "1")))
	_, known := keeping(t, name, "one", 100, next)
	require.Zero(t, known)
}

func TestAJournalIsBounded(t *testing.T) {
	name := filepath.Join(t.TempDir(), "journal")
	failing := false
	next := funcSink{
		consume: func(context.Context, *receiver.Message) error { return nil },
		commit: func(context.Context) error {
			if failing {
				return errDisk
			}
			return nil
		},
	}
	d, _ := keeping(t, name, "one", 10, next)
	for n := range 1000 {
		require.NoError(t, d.Consume(t.Context(), requestOf(fmt.Sprint(n), "1")))
		info, err := os.Stat(name)
		require.NoError(t, err)
		require.Less(t, info.Size(), int64(100+20*identityBytes))
		if n%7 == 0 {
			require.NoError(t, d.Commit(t.Context()))
		}
	}
	_, known := keeping(t, name, "one", 10, next)
	require.NotZero(t, known)
	require.LessOrEqual(t, known, 10)
	failing = true
	require.Error(t, d.Commit(t.Context()))
	d, _ = keeping(t, name, "one", 10, next)
	m := requestOf("999", "1")
	require.NoError(t, d.Consume(t.Context(), m))
	require.Zero(t, m.Duplicates, "it was not committed")
}

func TestALateSinkHasNoJournal(t *testing.T) {
	j, err := OpenJournal(filepath.Join(t.TempDir(), "journal"), "one")
	require.NoError(t, err)
	d := New(10, &sink{})
	d.late = true
	_, err = d.Keep(j)
	require.ErrorContains(t, err, "refuses records after Consume")
	require.NoError(t, j.Close())
}
