// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package handshake

import (
	"testing"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/protocol/forward"
)

const sharedKey = "s3cret"

// answer is what a client that knows key and password says to a HELO.
func answer(helo forward.Helo, key, username, password string) forward.Ping {
	salt := []byte("sixteen bytes !!")
	return forward.Ping{
		Hostname: "agent", Salt: salt, KeyDigest: forward.KeyDigest(salt, "agent", helo.Nonce, key),
		Username: username, PasswordDigest: forward.PasswordDigest(helo.Auth, username, password),
	}
}

func TestAnswerNamesTheUserIfThereAreUsers(t *testing.T) {
	o := Options{SharedKey: sharedKey}
	require.NoError(t, o.Complete())
	h := o.Begin()
	require.Empty(t, h.Helo.Auth)
	ping := answer(h.Helo, sharedKey, "alice", "")
	pong, user, denial := h.Answer(&ping)
	require.NoError(t, denial)
	require.True(t, pong.OK)
	require.Empty(t, user, "nobody has checked it")

	o.Users = map[string]string{"alice": "pa55word"}
	h = o.Begin()
	ping = answer(h.Helo, sharedKey, "alice", "pa55word")
	_, user, denial = h.Answer(&ping)
	require.NoError(t, denial)
	require.Equal(t, "alice", user)
	ping = answer(h.Helo, sharedKey, "alice", "wrong")
	pong, user, denial = h.Answer(&ping)
	require.EqualError(t, denial, "no such user, or another password")
	require.Equal(t, forward.Pong{Reason: NotAdmitted}, pong)
	require.Empty(t, user)
}

func TestSecretsAreThoseOfTheMoment(t *testing.T) {
	key, users := "old", map[string]string(nil)
	o := Options{Secrets: func() (string, map[string]string) { return key, users }}
	require.NoError(t, o.Complete())
	require.True(t, o.Required())
	before := o.Begin()
	key, users = "new", map[string]string{}
	after := o.Begin()
	ping := answer(before.Helo, "old", "", "")
	_, _, denial := before.Answer(&ping)
	require.NoError(t, denial, "it began before")
	for _, key := range []string{"old", "new"} {
		ping = answer(after.Helo, key, "", "")
		_, _, denial = after.Answer(&ping)
		require.Error(t, denial, "there is no user")
	}
	both := Options{SharedKey: "x", Secrets: o.Secrets}
	require.ErrorContains(t, both.Complete(), "Secrets: not together with SharedKey or Users")
}

// FuzzHandshake: whatever a client says in the place of its PING, only one that
// knows the key and a password comes in.
func FuzzHandshake(f *testing.F) {
	helo := forward.Helo{Nonce: []byte("a nonce, 16 long"), Auth: []byte("a salt, 16 bytes")}
	for _, p := range []forward.Ping{answer(helo, "wrong", "alice", "pa55word"), answer(helo, sharedKey, "alice", "wrong"), {}} {
		f.Add(forward.AppendPing(nil, p))
	}
	f.Add([]byte("\x96\xa4PING\xdb\xff\xff\xff\xff"))
	h := Handshake{Helo: helo, options: Options{SharedKey: sharedKey, Users: map[string]string{"alice": "pa55word"}}}
	right := answer(helo, sharedKey, "alice", "pa55word")
	require.NoError(f, h.deny(&right))
	f.Fuzz(func(t *testing.T, message []byte) {
		ping, err := forward.ParsePing(message)
		if err != nil {
			require.Less(t, len(err.Error()), 200)
			return
		}
		require.Error(t, h.deny(&ping))
	})
}
