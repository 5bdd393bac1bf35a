// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package dedup

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/receiver"
)

// blocks is a readBack of these, the newest first.
func blocks(texts ...string) func(func([]byte, time.Time) bool) error {
	return func(visit func([]byte, time.Time) bool) error {
		for _, text := range texts {
			if !visit([]byte(text), time.Now()) {
				break
			}
		}
		return nil
	}
}

func TestRecallLeavesOutWhatTheSinkHolds(t *testing.T) {
	d, s := dedupOf(10)
	ids, err := d.Recall(t.Context(), blocks(withID("c", 1)+"\n", withID("a", 1)+"\n{\"n\":1}\n"+withID("b", 1)+"\n"))
	require.NoError(t, err)
	require.Equal(t, 3, ids)
	for _, sender := range []string{"", "one"} { // lines do not say who sent them
		m := messageOf(withID("a", 2), withID("b", 2), withID("c", 2), withID("d", 2), `{"n":1}`)
		m.Peer.Sender = sender
		require.NoError(t, d.Consume(t.Context(), m))
		require.Equal(t, 3, m.Duplicates)
	}
	require.Equal(t, []string{withID("d", 2), `{"n":1}`, withID("d", 2), `{"n":1}`}, s.got())
}

func TestRecallKeepsTheNewest(t *testing.T) {
	var lines []string
	for n := range 300 {
		lines = append(lines, withID(fmt.Sprint(n), 0)+"\n")
	}
	d, s := dedupOf(100)
	visited := 0
	ids, err := d.Recall(t.Context(), func(visit func([]byte, time.Time) bool) error {
		for block := 4; block >= 0; block-- {
			visited++
			if !visit([]byte(strings.Join(lines[60*block:60*(block+1)], "")), time.Now()) {
				break
			}
		}
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, 2, visited)
	require.Equal(t, 100, ids)
	require.LessOrEqual(t, cap(d.seen.order), 100, "no memory for what is not kept")
	require.NoError(t, d.Consume(t.Context(), messageOf(withID("200", 0), withID("299", 0))))
	require.Empty(t, s.got())
	require.NoError(t, d.Consume(t.Context(), messageOf(withID("199", 0))))
	require.Len(t, s.got(), 1)
}

func TestRecallEndsWhereFewRecordsHaveIDs(t *testing.T) {
	without := strings.Repeat(`{"n":1}`+"\n", recallBytesPerID/len(`{"n":1}`+"\n"))
	d, _ := dedupOf(2)
	ids, err := d.Recall(t.Context(), blocks(without, without, withID("a", 1)+"\n"))
	require.NoError(t, err)
	require.Zero(t, ids)
}

func TestRecallBelievesNoTornLine(t *testing.T) {
	whole := withID("a", 1)
	for end := range len(whole) {
		for _, rest := range []string{"", "\x00\x00", "}"} {
			if line := whole[:end] + rest; line != whole {
				require.Empty(t, identitiesOf([]byte(line+"\n")), line)
			}
		}
	}
	require.Len(t, identitiesOf([]byte(whole)), 1)
}

func TestIDsAreForgottenAfterTheWindow(t *testing.T) {
	const window = time.Hour
	late := window/marksPerWindow + time.Second
	synctest.Test(t, func(t *testing.T) {
		d, s := dedupOf(1000)
		d.ForgetAfter(window)
		begun := time.Now()
		_, err := d.Recall(t.Context(), func(visit func([]byte, time.Time) bool) error {
			require.True(t, visit([]byte(withID("half", 1)+"\n"), begun.Add(-window/2)))
			require.False(t, visit([]byte(withID("old", 1)+"\n"), begun.Add(-window)))
			return nil
		})
		require.NoError(t, err)
		require.Equal(t, 1, d.Recalled())
		isKnown := func(id string) bool {
			before := len(s.got())
			require.NoError(t, d.Consume(t.Context(), messageOf(withID(id, 2))))
			return len(s.got()) == before
		}
		require.False(t, isKnown("a"))
		require.True(t, isKnown("half"))
		time.Sleep(window/2 + late)
		require.False(t, isKnown("half"))
		require.True(t, isKnown("a"), "it came later")
		time.Sleep(window/2 - 2*late)
		require.True(t, isKnown("a"))
		time.Sleep(2 * late)
		require.Equal(t, 1, d.Remembered(), "half, which came again")
		require.False(t, isKnown("a"))
		time.Sleep(10 * window) // in which nobody asks
		require.False(t, isKnown("a"))
		require.Equal(t, map[Reason]uint64{ByID: 2, ByRecalledID: 1}, leftOut(d))

		for n := range 500 { // many marks
			require.False(t, isKnown(fmt.Sprint(n)))
			time.Sleep(window / 250)
			if n > 250+5 {
				require.Less(t, len(d.seen.marks), 2*marksPerWindow)
				require.InDelta(t, 251, d.Remembered(), 5)
			}
		}
	})
}

// An id that comes after a Commit that failed is as young as the others.
func TestAFailedCommitDoesNotShortenTheWindow(t *testing.T) {
	const window = time.Hour
	synctest.Test(t, func(t *testing.T) {
		fails := error(nil)
		consumed := 0
		d := New(100, funcSink{
			consume: func(_ context.Context, m *receiver.Message) error { consumed += len(m.Records); return nil },
			commit:  func(context.Context) error { return fails },
		})
		d.ForgetAfter(window)
		for n := range 20 {
			time.Sleep(window / 50)
			require.NoError(t, d.Consume(t.Context(), messageOf(withID(fmt.Sprint(n), 0))))
		}
		fails = errDisk
		require.ErrorIs(t, d.Commit(t.Context()), errDisk)
		consumed, fails = 0, nil
		require.NoError(t, d.Consume(t.Context(), messageOf(withID("a", 0), withID("b", 0))))
		time.Sleep(window - time.Second)
		require.NoError(t, d.Consume(t.Context(), messageOf(withID("a", 0), withID("b", 0))))
		require.Equal(t, 2, consumed)
	})
}

// What was recalled is durable: a Commit that fails takes nothing of it back.
func TestRecallOutlivesACommitThatFails(t *testing.T) {
	consumed := 0
	d := New(10, funcSink{
		consume: func(_ context.Context, m *receiver.Message) error { consumed += len(m.Records); return nil },
		commit:  func(context.Context) error { return errDisk },
	})
	_, err := d.Recall(t.Context(), blocks(withID("a", 1)+"\n"))
	require.NoError(t, err)
	require.NoError(t, d.Consume(t.Context(), messageOf(withID("b", 1))))
	require.ErrorIs(t, d.Commit(t.Context()), errDisk)
	require.NoError(t, d.Consume(t.Context(), messageOf(withID("a", 2), withID("b", 2))))
	require.Equal(t, 2, consumed)
}

func TestRecallFailsWithItsSourceAndItsContext(t *testing.T) {
	d, _ := dedupOf(10)
	_, err := d.Recall(t.Context(), func(func([]byte, time.Time) bool) error { return errDisk })
	require.ErrorIs(t, err, errDisk)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = d.Recall(ctx, blocks("{}\n", "{}\n"))
	require.ErrorIs(t, err, context.Canceled)
}
