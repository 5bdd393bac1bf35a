// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package ack

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func openedPing(t *testing.T, p policy) *link {
	t.Helper()
	l := newLink(t, "ping", p)
	l.open()
	l.settle()
	require.True(t, l.strategy.Ready())
	return l
}

func TestTheProbeFindsOutWhetherThePeerEchoes(t *testing.T) {
	t.Run("one Ping is enough for a peer that does", func(t *testing.T) {
		l := openedPing(t, echo)
		require.EqualValues(t, 1, l.pings)
		require.Empty(t, l.strategy.Note())
	})
	t.Run("a peer that does not is noted for the operator", func(t *testing.T) {
		l := openedPing(t, constant(""))
		require.EqualValues(t, probes, l.pings)
		require.Contains(t, l.strategy.Note(), "without their payload")
	})
	t.Run("nothing is known before an answer", func(t *testing.T) {
		l := newLink(t, "ping", mute)
		l.open()
		require.False(t, l.strategy.Ready())
		require.Empty(t, l.strategy.Note())
	})
	t.Run("a batch may follow at once when the verdict is counting", func(t *testing.T) {
		l := openedPing(t, constant(""))
		l.send(10)
		require.Zero(t, l.confirmed)
		l.settle()
		require.EqualValues(t, 10, l.confirmed)
	})
}

func TestPongsUnaskedBeforeTheFirstAnswerDoNotPassForAnswers(t *testing.T) {
	for unasked := 1; unasked < probes; unasked++ {
		l := newLink(t, "ping", echo)
		l.open()
		for range unasked {
			l.unasked(nil)
		}
		for len(l.toClient) > 0 {
			l.deliver()
		}
		require.False(t, l.strategy.Ready(), "after %d Pongs", unasked)
		l.settle()
		require.True(t, l.strategy.Ready())
		require.Empty(t, l.strategy.Note(), "the peer echoes")

		// Answers to the other probes and Pongs unasked come in behind a batch.
		l.send(5)
		l.unasked(nil)
		l.unasked(numbered(2))
		for len(l.toClient) > 0 {
			l.deliver()
		}
		require.Zero(t, l.confirmed, "the peer has not read the batch")
		l.settle()
		require.EqualValues(t, 5, l.confirmed)
	}
}

func TestAWrongVerdictIsReversedByALateEcho(t *testing.T) {
	l := newLink(t, "ping", echo)
	l.open()
	for range probes {
		l.unasked(nil)
	}
	for len(l.toClient) > 0 {
		l.deliver()
	}
	require.True(t, l.strategy.Ready())
	require.NotEmpty(t, l.strategy.Note(), "taken for a peer that does not echo")

	probed := len(l.toPeer)
	l.send(5)
	l.peerReads(probed) // the probes, not the batch
	for len(l.toClient) > 0 {
		l.deliver()
	}
	require.Zero(t, l.confirmed, "answers to the probes do not confirm the batch")
	l.unasked(nil)
	l.deliver()
	require.Zero(t, l.confirmed, "and no Pong counts any more")
	l.settle()
	require.EqualValues(t, 5, l.confirmed)
	require.Empty(t, l.strategy.Note())
}

func TestAPongConfirmsAllThatWasWrittenBeforeItsPing(t *testing.T) {
	written := func(t *testing.T, p policy) *link {
		l := openedPing(t, p)
		l.send(3) // Ping 2
		l.heartbeat()
		l.send(4) // Ping 4
		l.peerReads(len(l.toPeer))
		l.toClient = nil
		return l
	}
	for name, c := range map[string]struct {
		pong uint64
		want uint64
	}{
		"the Ping of the first batch":       {2, 3},
		"a heartbeat behind it":             {3, 3},
		"the newest, older ones unanswered": {4, 7},
		"one that was answered before":      {1, 0},
		"the next one, not written":         {5, 0},
	} {
		t.Run(name, func(t *testing.T) {
			l := written(t, echo)
			l.unasked(numbered(c.pong))
			l.deliver()
			require.Equal(t, c.want, l.confirmed)
		})
	}
	t.Run("a second Pong for the same Ping confirms nothing", func(t *testing.T) {
		l := written(t, echo)
		for range 2 {
			l.unasked(numbered(2))
		}
		l.deliver()
		require.Zero(t, l.strategy.Pong(numbered(2)))
	})
}

func TestPongsAreCountedWithAPeerThatDoesNotEcho(t *testing.T) {
	l := openedPing(t, constant(""))
	l.send(3)
	l.heartbeat()
	l.send(4)
	l.peerReads(len(l.toPeer))
	for _, want := range []uint64{3, 3, 7} {
		l.deliver()
		require.Equal(t, want, l.confirmed)
	}
}

// With one Pong more than was asked for, every confirmation would be one too early.
func TestOnePongTooManyFromAPeerThatDoesNotEchoIsTheEnd(t *testing.T) {
	for name, peerSends := range map[string]string{"an empty one": "", "one with a payload": "unasked"} {
		t.Run(name, func(t *testing.T) {
			l := openedPing(t, constant(""))
			l.send(3)
			l.settle()
			require.EqualValues(t, 3, l.confirmed)
			verdict := l.strategy.Pong([]byte(peerSends))
			require.ErrorContains(t, verdict.Failed, "Pongs that answer no Ping")
			require.Zero(t, verdict.Confirmed)
		})
	}
}

func TestCountingBeginsAfterEightPongsThatDoNotEcho(t *testing.T) {
	l := newLink(t, "ping", constant(""))
	l.open()
	for range 7 {
		l.peerReads(len(l.toPeer))
		l.deliver()
		require.False(t, l.strategy.Ready())
	}
	l.peerReads(len(l.toPeer))
	l.deliver()
	require.True(t, l.strategy.Ready())
	require.EqualValues(t, 8, l.pings)
}

func TestTheMemoryOfAnsweredPingsIsUsedAgain(t *testing.T) {
	for name, p := range map[string]policy{"by payload": echo, "by count": constant("")} {
		t.Run(name, func(t *testing.T) {
			l := openedPing(t, p)
			for range 1000 {
				l.send(1)
				l.settle()
			}
			fence, ok := l.strategy.(*pingBarrier)
			require.True(t, ok)
			require.Empty(t, fence.outstanding)
			require.LessOrEqual(t, cap(fence.outstanding), 2*probes)
		})
	}
}
