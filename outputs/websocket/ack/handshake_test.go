// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package ack

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/protocol/forward"
	"filebeat-websocket/testing/wstest"
)

var agent = Handshake{Hostname: "agent", SharedKey: "s3cret", Username: "alice", Password: "pa55word"}

// begun returns a strategy that has answered a HELO, and its answer.
func begun(t *testing.T, with Handshake, helo forward.Helo) (Strategy, forward.Ping) {
	t.Helper()
	inner, err := Get("ping")
	require.NoError(t, err)
	s := WithHandshake(inner.New(Config{}), with)
	require.Equal(t, Verdict{}, s.Open(), "the server speaks first")
	verdict, err := s.Message(forward.AppendHelo(nil, helo))
	require.NoError(t, err)
	require.Nil(t, verdict.Ping)
	require.False(t, s.Ready())
	ping, err := forward.ParsePing(verdict.Reply)
	require.NoError(t, err)
	return s, ping
}

// welcome is the PONG of a server that lets the client in.
func welcome(ping forward.Ping, helo forward.Helo, hostname, key string) []byte {
	return forward.AppendPong(nil, forward.Pong{OK: true, Hostname: hostname, KeyDigest: forward.KeyDigest(ping.Salt, hostname, helo.Nonce, key)})
}

func TestTheStrategyInsideBeginsOnceTheServerHasShownThatItKnowsTheKey(t *testing.T) {
	helo := forward.Helo{Nonce: []byte("n"), Auth: []byte("salt")}
	s, ping := begun(t, agent, helo)
	require.Equal(t, "agent", ping.Hostname)
	require.Len(t, ping.Salt, 2*saltBytes, "as hex")
	require.Equal(t, forward.KeyDigest(ping.Salt, "agent", helo.Nonce, "s3cret"), ping.KeyDigest)
	require.Equal(t, "alice", ping.Username)
	require.Equal(t, forward.PasswordDigest([]byte("salt"), "alice", "pa55word"), ping.PasswordDigest)

	require.Equal(t, Verdict{}, s.Pong(numbered(1)), "nobody has asked for one yet")
	verdict, err := s.Message(welcome(ping, helo, "server", "s3cret"))
	require.NoError(t, err)
	require.Equal(t, Verdict{Ping: numbered(1)}, verdict, "the probe of the strategy inside")
	require.False(t, s.Ready())
	s.Pong(numbered(1))
	require.True(t, s.Ready())
}

func TestAUserIsNamedOnlyToAServerThatAsksForOne(t *testing.T) {
	_, ping := begun(t, agent, forward.Helo{Nonce: []byte("n")})
	require.Empty(t, ping.Username)
	require.Empty(t, ping.PasswordDigest)
}

func TestEverySaltIsANewOne(t *testing.T) {
	_, one := begun(t, agent, forward.Helo{Nonce: []byte("n")})
	_, two := begun(t, agent, forward.Helo{Nonce: []byte("n")})
	require.NotEqual(t, one.Salt, two.Salt)
}

func TestTheClientLeavesAServerThatIsNotTheRightOne(t *testing.T) {
	helo := forward.Helo{Nonce: []byte("n"), Auth: []byte("salt")}
	noUser := agent
	noUser.Username, noUser.Password = "", ""
	refusal := func(reason string) func(forward.Ping) []byte {
		return func(forward.Ping) []byte { return forward.AppendPong(nil, forward.Pong{Reason: reason}) }
	}
	for name, test := range map[string]struct {
		with Handshake
		pong func(forward.Ping) []byte
		want string
	}{
		"it refuses":                      {agent, refusal("shared_key mismatch"), `handshake of Fluent Forward: the server refused the login: "shared_key mismatch"`},
		"it refuses and repeats a secret": {agent, refusal("s3cret? pa55word?"), `handshake of Fluent Forward: the server refused the login: "***? ***?"`},
		"it wants a user": {noUser, refusal("username/password mismatch"),
			`handshake of Fluent Forward: the server refused the login: "username/password mismatch" (the server requires a user: set forward.username and forward.password)`},
		"it does not know the key": {agent, func(p forward.Ping) []byte { return welcome(p, helo, "server", "other") },
			"handshake of Fluent Forward: the server does not know forward.shared_key"},
		"it sends the client's digest back": {agent, func(p forward.Ping) []byte {
			return forward.AppendPong(nil, forward.Pong{OK: true, Hostname: "server", KeyDigest: p.KeyDigest})
		}, "handshake of Fluent Forward: the server does not know forward.shared_key"},
		"it is the client itself": {agent, func(p forward.Ping) []byte { return welcome(p, helo, "agent", "s3cret") },
			`handshake of Fluent Forward: the server has this agent's own name, "agent"; if it is another one, set forward.hostname`},
	} {
		t.Run(name, func(t *testing.T) {
			s, ping := begun(t, test.with, helo)
			verdict, err := s.Message(test.pong(ping))
			require.NoError(t, err)
			var failed *HandshakeError
			require.ErrorAs(t, verdict.Failed, &failed)
			require.EqualError(t, verdict.Failed, test.want)
			require.False(t, s.Ready())
		})
	}
}

func TestWhatDoesNotBelongToTheHandshakeIsIgnored(t *testing.T) {
	helo := forward.Helo{Nonce: []byte("n")}
	inner, err := Get("message")
	require.NoError(t, err)
	s := WithHandshake(inner.New(Config{}), agent)
	awaits := func() string {
		waiter, ok := As[Waiter](s)
		require.True(t, ok)
		return waiter.Awaits()
	}
	for _, message := range []string{"\x01", "\xA5hello", "\xC0", "\x91\xA4HELO"} {
		_, err := s.Message([]byte(message))
		require.ErrorIs(t, err, forward.ErrMessage)
	}
	require.Contains(t, awaits(), "HELO")
	verdict, err := s.Message(forward.AppendHelo(nil, helo))
	require.NoError(t, err)
	require.Contains(t, awaits(), "PONG")
	_, err = s.Message(forward.AppendHelo(nil, helo))
	require.ErrorIs(t, err, forward.ErrMessage, "a second HELO")
	ping, err := forward.ParsePing(verdict.Reply)
	require.NoError(t, err)
	_, err = s.Message(welcome(ping, helo, "server", "s3cret"))
	require.NoError(t, err)
	require.True(t, s.Ready())
	verdict, err = s.Message([]byte(`{"ack": 1}`))
	require.NoError(t, err)
	require.Equal(t, Verdict{Confirmed: 1}, verdict)
}

func TestTheHandshakeIsReadWhereverMessagesBeginAndEnd(t *testing.T) {
	helo := forward.Helo{Nonce: []byte("n")}
	for name, bytes := range map[string]int{"as one message": 1 << 20, "byte by byte": 1, "in pieces": 7} {
		t.Run(name, func(t *testing.T) {
			inner, reader := forwardStrategy(t)
			s := WithHandshake(inner, agent)
			var ping forward.Ping
			take := func(content []byte) (settled []uint64) {
				for piece := range slices.Chunk(content, bytes) {
					for more := true; more; piece = nil {
						verdict, err := s.Message(piece)
						require.NoError(t, err)
						require.NoError(t, verdict.Failed)
						if verdict.Reply != nil {
							require.NoError(t, wstest.StrictPing(verdict.Reply))
							ping, err = forward.ParsePing(verdict.Reply)
							require.NoError(t, err)
						}
						if verdict.Settled > 0 {
							settled = append(settled, verdict.Settled)
						}
						more = verdict.More
					}
				}
				return settled
			}
			require.Empty(t, take(forward.AppendHelo(nil, helo)))
			reader.Written(1, requestWith("a"))
			reader.Written(2, requestWith("b"))
			content := welcome(ping, helo, "server", "s3cret")
			for _, chunk := range []string{"a", "b"} {
				content = forward.AppendAck(content, chunk)
			}
			require.Equal(t, []uint64{1, 2}, take(content), "what stands behind the PONG is for the strategy inside")
			require.True(t, s.Ready())
		})
	}
}

func TestAsLooksIntoWrappers(t *testing.T) {
	s, _ := forwardStrategy(t)
	_, reads := As[Reader](WithHandshake(s, agent))
	require.True(t, reads)
	_, reads = As[Reader](WithHandshake(none{}, agent))
	require.False(t, reads)
	_, waits := As[Waiter](Strategy(none{}))
	require.False(t, waits)
}
