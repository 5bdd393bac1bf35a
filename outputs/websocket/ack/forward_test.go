// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package ack

import (
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
		"text":               []byte("hello"),
		"nothing":            {},
		"a heartbeat":        {0xC0},
		"JSON":               []byte(`{"ack": "a"}`),
		"an ack of a number": msgp.AppendInt(msgp.AppendString(msgp.AppendMapHeader(nil, 1), "ack"), 1),
	} {
		verdict, err := s.Message(message)
		require.ErrorIs(t, err, forward.ErrMessage, name)
		require.Equal(t, Verdict{}, verdict)
	}
	_, err := s.Message(forward.AppendHelo(nil, forward.Helo{Nonce: []byte("n")}))
	require.ErrorContains(t, err, "forward.shared_key")
	verdict, err := s.Message(forward.AppendAck(nil, "a"))
	require.NoError(t, err)
	require.Equal(t, Verdict{Settled: 1}, verdict)
}

func FuzzForward(f *testing.F) {
	f.Add(requestWith("a"), forward.AppendAck(nil, "a"))
	f.Add([]byte{}, forward.AppendHelo(nil, forward.Helo{Nonce: []byte("n")}))
	f.Fuzz(func(t *testing.T, message, reply []byte) {
		s, reader := forwardStrategy(t)
		reader.Written(1, message)
		reader.Written(2, requestWith("known"))
		verdict, err := s.Message(reply)
		if err != nil {
			require.Equal(t, Verdict{}, verdict)
		}
		require.LessOrEqual(t, verdict.Settled, uint64(2))

		shaking := WithHandshake(s, Handshake{Hostname: "agent", SharedKey: "k"})
		shaking.Open()
		for range 3 {
			verdict, err := shaking.Message(reply)
			if err != nil {
				require.Equal(t, Verdict{}, verdict)
			}
			require.False(t, shaking.Ready(), "nobody knows the digest")
		}
	})
}
