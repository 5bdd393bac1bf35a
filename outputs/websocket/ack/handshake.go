// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package ack

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"strings"

	"filebeat-websocket/protocol/forward"
)

// Handshake has the settings of a client for the handshake of Fluent Forward.
type Handshake struct {
	// Hostname is the client's name. A server of the same name is taken for the client
	// itself.
	Hostname string
	// SharedKey is the key that both sides have to know.
	SharedKey string
	// Username and Password are sent, as a digest, only to a server that asks for a user.
	Username, Password string
	// MaxReadBytes is as in Config.
	MaxReadBytes int
}

// HandshakeError is why a handshake failed. Its text contains neither the key nor the
// password.
type HandshakeError struct{ Problem string }

func (e *HandshakeError) Error() string { return "handshake of Fluent Forward: " + e.Problem }

// WithHandshake returns a strategy that does the handshake of Fluent Forward first,
// and then leaves everything to inner. The server speaks first:
//
//	server: HELO, client: PING, server: PONG
//
// The handshake fails if the server refuses the client, does not know the shared key,
// or has the client's own name.
func WithHandshake(inner Strategy, with Handshake) Strategy {
	return &handshake{Strategy: inner, with: with, replies: Config{MaxReadBytes: with.MaxReadBytes}.stream()}
}

type handshake struct {
	Strategy
	with    Handshake
	stage   stage
	replies *forward.Stream // until shaken
	rest    []byte          // what the message with the PONG had behind it, for the strategy inside

	salt, nonce []byte // of the PING and the HELO
	noUser      bool   // the server requires a user, and none is set
}

type stage uint8

const (
	awaitHelo stage = iota
	awaitPong
	shaken
)

// saltBytes is the length of a salt before it is written as hex, as in Fluentd. Every
// server takes text; Fluent Bit takes nothing else.
const saltBytes = 16

// Unwrap returns the strategy that takes over after the handshake.
func (h *handshake) Unwrap() Strategy { return h.Strategy }

// Open asks for nothing: the server begins.
func (h *handshake) Open() Verdict { return Verdict{} }

func (h *handshake) Ready() bool { return h.stage == shaken && h.Strategy.Ready() }

// Awaits implements Waiter.
func (h *handshake) Awaits() string {
	switch h.stage {
	case awaitHelo:
		return "HELO of Fluent Forward (does the server have a shared key?)"
	case awaitPong:
		return "PONG of Fluent Forward"
	}
	if inner, ok := As[Waiter](h.Strategy); ok {
		return inner.Awaits()
	}
	return "answer"
}

// Pong is passed on after the handshake only: before that, the strategy inside has
// sent no Ping.
func (h *handshake) Pong(payload []byte) Verdict {
	if h.stage != shaken {
		return Verdict{}
	}
	return h.Strategy.Pong(payload)
}

func (h *handshake) Message(payload []byte) (Verdict, error) {
	if h.stage == shaken {
		if len(h.rest) > 0 {
			payload, h.rest = h.rest, nil
		}
		return h.Strategy.Message(payload)
	}
	h.replies.Write(payload)
	reply, err := h.replies.Next()
	if err != nil || reply == nil {
		return Verdict{Failed: streamError(err)}, nil
	}
	verdict, err := h.reply(reply)
	verdict.More = h.replies.Unread() > 0
	if h.stage == shaken {
		h.rest = h.replies.Rest()
	}
	return verdict, err
}

// reply takes the server's next value.
func (h *handshake) reply(reply []byte) (Verdict, error) {
	if h.stage == awaitHelo {
		helo, err := forward.ParseHelo(reply)
		if err != nil {
			return Verdict{}, err
		}
		h.stage = awaitPong
		return Verdict{Reply: h.answer(helo)}, nil
	}
	pong, err := forward.ParsePong(reply)
	if err != nil {
		return Verdict{}, err
	}
	if problem := h.check(pong); problem != "" {
		return Verdict{Failed: &HandshakeError{problem}}, nil
	}
	h.stage = shaken
	return h.Strategy.Open(), nil
}

// answer returns the PING. A user is named only to a server that asks for one.
func (h *handshake) answer(helo forward.Helo) []byte {
	random := make([]byte, saltBytes)
	_, _ = rand.Read(random) // never fails
	h.salt, h.nonce = hex.AppendEncode(nil, random), helo.Nonce
	ping := forward.Ping{
		Hostname:  h.with.Hostname,
		Salt:      h.salt,
		KeyDigest: forward.KeyDigest(h.salt, h.with.Hostname, h.nonce, h.with.SharedKey),
	}
	asked := len(helo.Auth) > 0
	if asked && h.with.Username != "" {
		ping.Username = h.with.Username
		ping.PasswordDigest = forward.PasswordDigest(helo.Auth, h.with.Username, h.with.Password)
	}
	h.noUser = asked && h.with.Username == ""
	return forward.AppendPing(nil, ping)
}

// check returns the problem with the server's answer, empty if there is none.
func (h *handshake) check(pong forward.Pong) string {
	if !pong.OK {
		problem := fmt.Sprintf("the server refused the login: %.100q", h.discreet(pong.Reason))
		if h.noUser {
			problem += " (the server requires a user: set forward.username and forward.password)"
		}
		return problem
	}
	if pong.Hostname == h.with.Hostname {
		return fmt.Sprintf("the server has this agent's own name, %.100q; if it is another one, set forward.hostname", pong.Hostname)
	}
	want := forward.KeyDigest(h.salt, pong.Hostname, h.nonce, h.with.SharedKey)
	if subtle.ConstantTimeCompare([]byte(want), []byte(strings.ToLower(pong.KeyDigest))) != 1 {
		return "the server does not know forward.shared_key"
	}
	return ""
}

// discreet hides secrets in a text of the server.
func (h *handshake) discreet(text string) string {
	for _, secret := range []string{h.with.SharedKey, h.with.Password} {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "***")
		}
	}
	return text
}

var _ Waiter = (*handshake)(nil)
