// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package ack

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tinylib/msgp/msgp"

	"filebeat-websocket/protocol/forward"
)

func forwardStrategy(t testing.TB) (Strategy, Reader) {
	t.Helper()
	kind, err := Get("forward")
	require.NoError(t, err)
	require.Nil(t, kind.Subprotocol, "Forward has none")
	s := kind.New(Config{})
	reader, ok := As[Reader](s)
	require.True(t, ok)
	return s, reader
}

// requestWith returns a request with that chunk id.
func requestWith(chunk string) []byte {
	b := msgp.AppendArrayHeader(nil, 3)
	b = msgp.AppendString(b, "tag")
	b = msgp.AppendBytes(b, []byte("entries"))
	return msgp.AppendMapStrStr(b, map[string]string{"chunk": chunk})
}

func TestChunksAreConfirmedOneByOneInAnyOrder(t *testing.T) {
	s, reader := forwardStrategy(t)
	for number, chunk := range []string{"a", "b", "a", "c"} {
		reader.Written(uint64(number+1), requestWith(chunk))
	}
	require.Equal(t, Verdict{}, s.Sent(4))
	for _, step := range []struct {
		chunk string
		want  uint64
	}{
		{"c", 4},
		{"a", 1}, // the older of two with the same entries
		{"x", 0},
		{"a", 3},
		{"a", 0}, // none is left
		{"b", 2},
	} {
		verdict, err := s.Message(forward.AppendAck(nil, step.chunk))
		require.Equal(t, Verdict{Settled: step.want}, verdict, step.chunk)
		if step.want == 0 {
			require.EqualError(t, err, "a confirmation of a chunk that is not in flight")
			continue
		}
		require.NoError(t, err)
	}
	strategy, ok := s.(*chunkReplies)
	require.True(t, ok)
	require.Empty(t, strategy.waiting, "nothing is kept of what is confirmed")
}

func TestWhatIsNoConfirmationIsNamedAndIgnored(t *testing.T) {
	s, reader := forwardStrategy(t)
	reader.Written(1, requestWith("a"))
	reader.Written(2, []byte("no request"))
	for name, message := range map[string][]byte{
		"a number":           {5},
		"a text":             msgp.AppendString(nil, "hello"),
		"a heartbeat":        {0xC0},
		"an ack of a number": msgp.AppendInt(msgp.AppendString(msgp.AppendMapHeader(nil, 1), "ack"), 1),
	} {
		verdict, err := s.Message(message)
		require.ErrorIs(t, err, forward.ErrMessage, name)
		require.Equal(t, Verdict{}, verdict)
	}
	_, err := s.Message(forward.AppendHelo(nil, forward.Helo{Nonce: []byte("n")}))
	require.ErrorContains(t, err, "forward.shared_key")
	verdict, err := s.Message(nil)
	require.NoError(t, err, "an empty message is nothing in a stream")
	require.Equal(t, Verdict{}, verdict)
	verdict, err = s.Message(forward.AppendAck(nil, "a"))
	require.NoError(t, err)
	require.Equal(t, Verdict{Settled: 1}, verdict)
}

// settledBy returns the messages that are settled by what comes in, and the first error.
func settledBy(s Strategy, payload []byte) (numbers []uint64, problem error) {
	for more := true; more; payload = nil {
		verdict, err := s.Message(payload)
		if verdict.Settled > 0 {
			numbers = append(numbers, verdict.Settled)
		}
		if problem == nil {
			problem = errors.Join(err, verdict.Failed)
		}
		more = verdict.More
	}
	return numbers, problem
}

func TestConfirmationsAreReadWhereverMessagesBeginAndEnd(t *testing.T) {
	const requests = 50
	var answers []byte
	var want []uint64
	for number := range uint64(requests) {
		answers = forward.AppendAck(answers, fmt.Sprint("chunk ", number))
		if number%7 == 0 {
			answers = append(answers, 0xC0) // a heartbeat between them
		}
		want = append(want, number+1)
	}
	for name, bytes := range map[string]int{"all in one": len(answers), "byte by byte": 1, "in pieces": 37} {
		t.Run(name, func(t *testing.T) {
			s, reader := forwardStrategy(t)
			for number := range uint64(requests) {
				reader.Written(number+1, requestWith(fmt.Sprint("chunk ", number)))
			}
			var got []uint64
			for piece := range slices.Chunk(slices.Clone(answers), bytes) {
				numbers, _ := settledBy(s, piece)
				got = append(got, numbers...)
				clear(piece) // it must not have been kept
			}
			require.Equal(t, want, got)
		})
	}
}

func TestRepliesWithoutAnEndFailTheConnection(t *testing.T) {
	kind, err := Get("forward")
	require.NoError(t, err)
	for name, reply := range map[string]string{
		"longer than max_read_bytes": "\xDB\x00\x00\x04\x00",
		"no MessagePack":             "\xC1",
	} {
		for which, s := range map[string]Strategy{
			"the confirmations": kind.New(Config{MaxReadBytes: 1000}),
			"the handshake":     WithHandshake(none{}, Handshake{SharedKey: "k", MaxReadBytes: 1000}),
		} {
			t.Run(name+" in "+which, func(t *testing.T) {
				verdict, err := s.Message([]byte(reply))
				require.NoError(t, err)
				require.ErrorIs(t, verdict.Failed, forward.ErrMessage)
				require.ErrorContains(t, verdict.Failed, "max_read_bytes")
				require.False(t, verdict.More)
			})
		}
	}
}

func FuzzForward(f *testing.F) {
	f.Add(requestWith("a"), forward.AppendAck(nil, "a"))
	f.Add([]byte{}, forward.AppendHelo(nil, forward.Helo{Nonce: []byte("n")}))
	f.Fuzz(func(t *testing.T, message, reply []byte) {
		s, reader := forwardStrategy(t)
		reader.Written(1, message)
		reader.Written(2, requestWith("known"))
		numbers, _ := settledBy(s, reply)
		require.Subset(t, []uint64{1, 2}, numbers)
		require.Len(t, slices.Compact(slices.Sorted(slices.Values(numbers))), len(numbers), "confirmed twice")

		shaking := WithHandshake(s, Handshake{Hostname: "agent", SharedKey: "k"})
		shaking.Open()
		for range 3 {
			numbers, _ := settledBy(shaking, reply)
			require.Empty(t, numbers)
			require.False(t, shaking.Ready(), "nobody knows the digest")
		}
	})
}
