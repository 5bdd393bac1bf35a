// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package dedup

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/receiver"
)

// lateSink is told by a test what it has lost of each message.
type lateSink struct {
	sink
	taken []receiver.Message
}

func (s *lateSink) Consume(ctx context.Context, m *receiver.Message) error {
	s.taken = append(s.taken, receiver.Message{Number: m.Number, Late: m.Late})
	return s.sink.Consume(ctx, m)
}

func (*lateSink) RefusesLate() {}

func (s *lateSink) lose(message int, records ...int) {
	m := s.taken[message]
	m.Late.RefuseLate(m.Number, &receiver.Refusal{Reason: "lost", Retry: true, Records: records})
}

// client is told what was refused late, by the number of the message.
type client map[uint64][]int

func (c client) RefuseLate(number uint64, refusal *receiver.Refusal) {
	c[number] = append(c[number], refusal.Records...)
}

func lateMessage(c client, number uint64, records ...string) *receiver.Message {
	m := messageOf(records...)
	m.Number, m.Late = number, c
	return m
}

func TestWhatIsLostAfterConsumeIsForgotten(t *testing.T) {
	s, told := &lateSink{}, client{}
	d := New(100, s)
	m := lateMessage(told, 1, withID("a", 1), withID("b", 1), `{}`, withID("a", 1))
	require.NoError(t, d.Consume(t.Context(), m))
	require.Equal(t, told, m.Late)
	require.Equal(t, 1, m.Duplicates)
	s.lose(0, 0)
	require.Equal(t, client{1: {0, 3}}, told, "with its duplicate in the message")
	require.NoError(t, d.Commit(t.Context()))

	m = lateMessage(told, 2, withID("a", 2), withID("b", 2))
	require.NoError(t, d.Consume(t.Context(), m))
	require.Equal(t, 1, m.Duplicates)
	require.Equal(t, []string{withID("a", 1), withID("b", 1), `{}`, withID("a", 2)}, s.got())
}

func TestADuplicateIsLostWithWhatItRepeats(t *testing.T) {
	for name, test := range map[string]struct {
		lose func(*lateSink)
		want client
	}{
		"nothing is":      {func(*lateSink) {}, client{}},
		"one record is":   {func(s *lateSink) { s.lose(0, 1) }, client{1: {1}, 2: {2}, 3: {0}}},
		"the message is":  {func(s *lateSink) { s.lose(0) }, client{1: {0, 1}, 2: {1, 2}, 3: {0, 1}}},
		"another one is":  {func(s *lateSink) { s.lose(1, 0) }, client{2: {0}}},
		"it is, and more": {func(s *lateSink) { s.lose(0, 1); s.lose(0, 0, 1) }, client{1: {1, 0}, 2: {2, 1}, 3: {0, 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			s, told := &lateSink{}, client{}
			d := New(100, s)
			require.NoError(t, d.Consume(t.Context(), lateMessage(told, 1, withID("a", 1), withID("b", 1))))
			require.NoError(t, d.Consume(t.Context(), lateMessage(told, 2, withID("c", 2), withID("a", 2), withID("b", 2))))
			require.NoError(t, d.Consume(t.Context(), lateMessage(told, 3, withID("b", 3), withID("a", 3))))
			test.lose(s)
			require.Equal(t, test.want, told)
			require.NoError(t, d.Commit(t.Context()))
			require.Empty(t, d.unsure)
			require.Empty(t, d.uncommitted)
			require.Equal(t, []string{withID("a", 1), withID("b", 1), withID("c", 2)}, s.got())
		})
	}
}

func TestAChunkIsLostWithOneOfItsRecords(t *testing.T) {
	s, told := &lateSink{}, client{}
	d := New(100, s)
	chunk := func(number uint64) *receiver.Message {
		m := lateMessage(told, number, `1`, `2`)
		m.Format, m.Chunks, m.ChunkRecords = "forward", []string{"chunk"}, []int{2}
		return m
	}
	require.NoError(t, d.Consume(t.Context(), chunk(1)))
	require.NoError(t, d.Consume(t.Context(), chunk(2)))
	s.lose(0, 1)
	require.Equal(t, client{1: {1}, 2: {0, 1}}, told)
	require.NoError(t, d.Commit(t.Context()))
	require.NoError(t, d.Consume(t.Context(), chunk(3)))
	require.Equal(t, []string{"1", "2", "1", "2"}, s.got())
}

func TestALateRefusalNamesRecordsOfTheMessageAsItCame(t *testing.T) {
	s, told := &lateSink{}, client{}
	d := New(100, s)
	require.NoError(t, d.Consume(t.Context(), lateMessage(told, 1, withID("a", 1))))
	require.NoError(t, d.Consume(t.Context(), lateMessage(told, 2, withID("a", 2), withID("b", 2), withID("c", 2))))
	s.lose(1, 1)
	require.Equal(t, client{2: {2}}, told)
}

func TestWhatWasStoredAgainIsNotLostWithTheFirstOne(t *testing.T) {
	s, told := &lateSink{}, client{}
	d := New(100, s)
	require.NoError(t, d.Consume(t.Context(), lateMessage(told, 1, withID("a", 1), withID("b", 1))))
	s.lose(0, 0)
	require.NoError(t, d.Consume(t.Context(), lateMessage(told, 2, withID("a", 2))))
	s.lose(0) // the whole message
	require.Equal(t, client{1: {0, 1}}, told)
	m := lateMessage(told, 3, withID("a", 3), withID("b", 3))
	require.NoError(t, d.Consume(t.Context(), m))
	require.Equal(t, 1, m.Duplicates)
	require.Equal(t, []string{withID("a", 1), withID("b", 1), withID("a", 2), withID("b", 3)}, s.got())
}

// slowSink is a lateSink that has something happen during its Commit.
type slowSink struct {
	lateSink
	during func()
}

func (s *slowSink) Commit(context.Context) error {
	s.during()
	return nil
}

func TestWhatIsStoredAgainDuringACommitCanBeLostAgain(t *testing.T) {
	s, told := &slowSink{}, client{}
	d := New(100, s)
	take := func(number uint64) {
		require.NoError(t, d.Consume(t.Context(), lateMessage(told, number, withID("a", 1))))
	}
	take(1)
	s.lose(0)
	s.during = func() { take(2) }
	require.NoError(t, d.Commit(t.Context()))
	s.lose(1)
	take(3)
	require.Equal(t, client{1: {0}, 2: {0}}, told)
	require.Len(t, s.got(), 3)
}

// hastySink has lost each record before its Consume returns.
type hastySink struct{ lateSink }

func (s *hastySink) Consume(ctx context.Context, m *receiver.Message) error {
	err := s.lateSink.Consume(ctx, m)
	s.lose(len(s.taken) - 1)
	return err
}

func TestWhatIsLostBeforeConsumeReturnsIsNotRemembered(t *testing.T) {
	s, told := &hastySink{}, client{}
	d := New(100, s)
	for number := range uint64(2) {
		require.NoError(t, d.Consume(t.Context(), lateMessage(told, number, withID("a", 1))))
		require.NoError(t, d.Commit(t.Context()))
	}
	require.Equal(t, client{0: {0}, 1: {0}}, told)
	require.Len(t, s.got(), 2)
}

// failingSink is a lateSink whose Commit fails.
type failingSink struct{ lateSink }

func (*failingSink) Commit(context.Context) error { return errDisk }

func TestACommitThatFailsLeavesNothingUnsure(t *testing.T) {
	d := New(100, &failingSink{})
	require.NoError(t, d.Consume(t.Context(), lateMessage(client{}, 1, withID("a", 1))))
	require.Len(t, d.unsure, 1)
	require.ErrorIs(t, d.Commit(t.Context()), errDisk)
	require.Empty(t, d.unsure)
	require.Empty(t, d.uncommitted)
}

// TestWhatACommitHasCoveredIsSafe has a duplicate after the Commit.
func TestWhatACommitHasCoveredIsSafe(t *testing.T) {
	s, told := &lateSink{}, client{}
	d := New(100, s)
	require.NoError(t, d.Consume(t.Context(), lateMessage(told, 1, withID("a", 1))))
	require.NoError(t, d.Commit(t.Context()))
	m := lateMessage(told, 2, withID("a", 2))
	require.NoError(t, d.Consume(t.Context(), m))
	require.Equal(t, 1, m.Duplicates)
	require.NoError(t, d.Commit(t.Context()))
	require.Empty(t, told)
}
