// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"context"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
	"github.com/tinylib/msgp/msgp"

	"filebeat-websocket/protocol"
	"filebeat-websocket/protocol/forward"
	"filebeat-websocket/receiver/handshake"
)

const sharedKey = "s3cret"

// answer is what a client that knows key and password says to a HELO.
func answer(helo forward.Helo, key, username, password string) forward.Ping {
	salt := []byte("sixteen bytes !!")
	p := forward.Ping{Hostname: "agent", Salt: salt, KeyDigest: forward.KeyDigest(salt, "agent", helo.Nonce, key)}
	if len(helo.Auth) > 0 {
		p.Username, p.PasswordDigest = username, forward.PasswordDigest(helo.Auth, username, password)
	}
	return p
}

func (c *testClient) helo(t testing.TB) forward.Helo {
	t.Helper()
	helo, err := forward.ParseHelo([]byte(take(t, c.messages)))
	require.NoError(t, err)
	require.Len(t, helo.Nonce, 16)
	require.True(t, helo.Keepalive)
	return helo
}

func (c *testClient) pong(t testing.TB) forward.Pong {
	t.Helper()
	pong, err := forward.ParsePong([]byte(take(t, c.messages)))
	require.NoError(t, err)
	return pong
}

func TestHandshakeTakesTextInStrAndInBin(t *testing.T) {
	for name, text := range map[string]func([]byte, string) []byte{
		"str": msgp.AppendString,
		"bin": func(b []byte, s string) []byte { return msgp.AppendBytes(b, []byte(s)) },
	} {
		t.Run(name, func(t *testing.T) {
			_, url := start(t, new(memorySink), Options{Forward: handshake.Options{SharedKey: sharedKey}})
			c := dial(t, url)
			p := answer(c.helo(t), sharedKey, "", "")
			message := msgp.AppendArrayHeader(nil, 6)
			for _, element := range []string{"PING", p.Hostname, string(p.Salt), p.KeyDigest, "", ""} {
				message = text(message, element)
			}
			c.sendBinary(t, string(message))
			require.True(t, c.pong(t).OK)
		})
	}
}

func TestHandshakeLetsInWhoKnowsTheKey(t *testing.T) {
	users := map[string]string{"alice": "pa55word", "bob": ""}
	for name, test := range map[string]struct {
		options            handshake.Options
		username, password string
		hostname           string
	}{
		"the key alone":             {handshake.Options{SharedKey: sharedKey}, "", "", "wsreceiver"},
		"a hostname of one's own":   {handshake.Options{SharedKey: sharedKey, Hostname: "landing.example"}, "", "", "landing.example"},
		"a user":                    {handshake.Options{SharedKey: sharedKey, Users: users}, "alice", "pa55word", "wsreceiver"},
		"a user without a password": {handshake.Options{SharedKey: sharedKey, Users: users}, "bob", "", "wsreceiver"},
	} {
		t.Run(name, func(t *testing.T) {
			var s memorySink
			_, url := start(t, &s, Options{Forward: test.options})
			c := dial(t, url)
			helo := c.helo(t)
			require.Equal(t, test.options.Users != nil, len(helo.Auth) == 16)
			c.ping(t, "in between")
			require.Equal(t, "in between", take(t, c.pongs))
			ping := answer(helo, sharedKey, test.username, test.password)
			c.sendBinary(t, string(forward.AppendPing(nil, ping)))
			pong := c.pong(t)
			require.Equal(t, forward.Pong{
				OK: true, Hostname: test.hostname,
				KeyDigest: forward.KeyDigest(ping.Salt, test.hostname, helo.Nonce, sharedKey),
			}, pong)
			c.sendBinary(t, chunked("one"))
			c.chunks(t, "one")
			require.Equal(t, []string{forwarded}, s.got())
			require.EqualValues(t, 1, s.messages[0].Number, "the handshake does not count")
		})
	}
}

func TestEveryHandshakeHasANonceOfItsOwn(t *testing.T) {
	_, url := start(t, new(memorySink), Options{Forward: handshake.Options{SharedKey: sharedKey}})
	first, second := dial(t, url), dial(t, url)
	old := answer(first.helo(t), sharedKey, "", "")
	require.NotEqual(t, old, answer(second.helo(t), sharedKey, "", ""))
	second.sendBinary(t, string(forward.AppendPing(nil, old)))
	require.False(t, second.pong(t).OK, "an answer to another HELO is none")
}

func TestHandshakeSaysNothingToWhoIsNotLetIn(t *testing.T) {
	users := handshake.Options{SharedKey: sharedKey, Users: map[string]string{"alice": "pa55word"}}
	for name, test := range map[string]struct {
		options                 handshake.Options
		key, username, password string
		cause                   string
	}{
		"another key":      {handshake.Options{SharedKey: sharedKey}, "wrong", "", "", "authentication failed: the shared key differs"},
		"no key":           {handshake.Options{SharedKey: sharedKey}, "", "", "", "authentication failed: the shared key differs"},
		"another password": {users, sharedKey, "alice", "wrong", "authentication failed: no such user, or another password"},
		"another user":     {users, sharedKey, "mallory", "", "authentication failed: no such user, or another password"},
		"a user, no key":   {users, "wrong", "alice", "pa55word", "authentication failed: the shared key differs"},
	} {
		t.Run(name, func(t *testing.T) {
			var s memorySink
			ended := make(chan End, 1)
			_, url := start(t, &s, Options{Forward: test.options, Observers: []Observer{{Closed: func(_ Peer, end End) { ended <- end }}}})
			c := dial(t, url)
			c.sendBinary(t, string(forward.AppendPing(nil, answer(c.helo(t), test.key, test.username, test.password))))
			_ = c.WriteMessage(websocket.BinaryMessage, []byte(chunked("one"))) // it may be cut off before
			require.Equal(t, forward.Pong{Reason: "authentication failed"}, c.pong(t))
			require.Equal(t, &websocket.CloseError{Code: 1008, Text: "authentication failed"}, take(t, c.ended))
			require.Empty(t, c.messages)
			require.Empty(t, s.got())
			end := take(t, ended)
			require.Equal(t, protocol.ClosePolicyViolation, end.CloseCode)
			require.EqualError(t, end.Cause, test.cause)
			require.NotContains(t, end.Cause.Error(), sharedKey)
		})
	}
}

func TestHandshakeEndsWithWhoDoesNotTakePartInIt(t *testing.T) {
	const expected = "a Fluent Forward handshake is expected"
	ping := string(forward.AppendPing(nil, answer(forward.Helo{}, sharedKey, "", "")))
	for name, test := range map[string]struct {
		frameType int
		message   string
		want      websocket.CloseError
	}{
		"JSON":                     {websocket.TextMessage, "{}", websocket.CloseError{Code: 1008, Text: expected}},
		"a request":                {websocket.BinaryMessage, chunked("one"), websocket.CloseError{Code: 1008, Text: expected}},
		"nothing":                  {websocket.BinaryMessage, "", websocket.CloseError{Code: 1008, Text: expected}},
		"half a PING":              {websocket.BinaryMessage, ping[:20], websocket.CloseError{Code: 1008, Text: expected}},
		"a PING and more":          {websocket.BinaryMessage, ping + "\xc0", websocket.CloseError{Code: 1008, Text: expected}},
		"a PING of four billion":   {websocket.BinaryMessage, "\x96\xa4PING\xdb\xff\xff\xff\xff", websocket.CloseError{Code: 1008, Text: expected}},
		"a PING that is too long":  {websocket.BinaryMessage, string(make([]byte, handshake.MaxPingBytes+1)), websocket.CloseError{Code: 1009, Text: "message is longer than 8192 bytes"}},
		"a PING that takes a list": {websocket.BinaryMessage, "\x96\xa4PING\x90\x90\x90\x90\x90", websocket.CloseError{Code: 1008, Text: expected}},
	} {
		t.Run(name, func(t *testing.T) {
			var s memorySink
			_, url := start(t, &s, Options{Forward: handshake.Options{SharedKey: sharedKey}})
			c := dial(t, url)
			c.helo(t)
			require.NoError(t, c.WriteMessage(test.frameType, []byte(test.message)))
			require.Equal(t, &test.want, take(t, c.ended))
			require.Empty(t, s.got())
		})
	}
	t.Run("nobody", func(t *testing.T) {
		h, url := start(t, new(memorySink), Options{Forward: handshake.Options{SharedKey: sharedKey}})
		h.handshakeTimeout = 10 * time.Millisecond
		c := dial(t, url)
		c.helo(t)
		require.Equal(t, &websocket.CloseError{Code: 1008, Text: "no handshake in time"}, take(t, c.ended))
	})
	t.Run("one who leaves", func(t *testing.T) {
		ended := make(chan End, 1)
		_, url := start(t, new(memorySink), Options{
			Forward:   handshake.Options{SharedKey: sharedKey},
			Observers: []Observer{{Closed: func(_ Peer, end End) { ended <- end }}},
		})
		c := dial(t, url)
		c.helo(t)
		require.NoError(t, c.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(1000, ""), deadlineSoon()))
		require.Equal(t, protocol.CloseNormal, take(t, ended).CloseCode)
	})
	t.Run("and with all at a shutdown", func(t *testing.T) {
		h, url := start(t, new(memorySink), Options{Forward: handshake.Options{SharedKey: sharedKey}})
		waiting := dial(t, url)
		waiting.helo(t)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		require.NoError(t, h.Shutdown(ctx))
		require.Equal(t, &websocket.CloseError{Code: 1001, Text: "shutting down"}, take(t, waiting.ended))
	})
}

// TestTheTimeForAHandshakeIsNotThatForMessages: a client that was let in may be
// silent for as long as it likes.
func TestTheTimeForAHandshakeIsNotThatForMessages(t *testing.T) {
	h, err := New(new(memorySink), Options{Forward: handshake.Options{SharedKey: sharedKey}, CloseTimeout: 100 * time.Millisecond})
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(h)
	listener := &deadlineListener{Listener: server.Listener}
	server.Listener = listener
	server.Start()
	t.Cleanup(func() {
		require.NoError(t, h.Shutdown(context.WithoutCancel(t.Context())))
		server.Close()
	})
	c := dial(t, "ws"+strings.TrimPrefix(server.URL, "http"))
	helo := c.helo(t)
	c.ping(t, "x")
	take(t, c.pongs)
	require.InDelta(t, handshakeTimeout, time.Until(listener.deadline()), float64(handshakeTimeout)/2)
	c.sendBinary(t, string(forward.AppendPing(nil, answer(helo, sharedKey, "", ""))))
	require.True(t, c.pong(t).OK)
	require.True(t, listener.deadline().IsZero())
	c.sendBinary(t, chunked("one"))
	c.chunks(t, "one")
}

// deadlineListener remembers the read deadline that was set last, on any of its
// connections.
type deadlineListener struct {
	net.Listener
	mutex sync.Mutex
	last  time.Time
}

func (l *deadlineListener) deadline() time.Time {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.last
}

func (l *deadlineListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return &deadlineConn{Conn: c, listener: l}, err
}

type deadlineConn struct {
	net.Conn
	listener *deadlineListener
}

func (c *deadlineConn) SetReadDeadline(deadline time.Time) error {
	c.listener.mutex.Lock()
	defer c.listener.mutex.Unlock()
	c.listener.last = deadline
	return c.Conn.SetReadDeadline(deadline)
}
