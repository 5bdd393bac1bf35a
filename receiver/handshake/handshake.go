// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package handshake is the server's side of the handshake of Fluent Forward, whatever
// carries its messages: a client proves that it knows a shared key and, if there are
// users, the password of one.
package handshake

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"

	"filebeat-websocket/protocol/forward"
)

// Options configure the handshake. All may be left out.
type Options struct {
	// SharedKey, if set, is what a client has to know. It is at most 1024 bytes long.
	SharedKey string
	// Users, unless nil, are passwords by the name of the user: the shared key alone is not
	// enough then.
	Users map[string]string
	// Secrets, if set, returns SharedKey and Users, which are not set then, for each
	// connection anew.
	Secrets func() (sharedKey string, users map[string]string)
	// Hostname is what the server calls itself; wsreceiver unless set. It is not the name
	// of the machine, since a client leaves a server that has its own name: it might be
	// sending to itself.
	Hostname string
}

const defaultHostname = "wsreceiver"

const (
	// MaxPingBytes is more than the five texts of a client's PING can take.
	MaxPingBytes = 8 << 10
	// saltBytes is the length of the nonce and of the salt for passwords.
	saltBytes = 16

	// NotAdmitted is all that a client is told.
	NotAdmitted = "authentication failed"
)

// Complete sets what was left out, or returns an error that names the option at fault.
func (o *Options) Complete() error {
	switch {
	case o.Secrets != nil && (o.SharedKey != "" || o.Users != nil):
		return fault("Secrets", "not together with SharedKey or Users")
	case o.Secrets == nil && o.SharedKey == "" && o.Users != nil:
		return fault("Users", "needs SharedKey")
	case len(o.SharedKey) > forward.MaxTextBytes:
		return fault("SharedKey", tooLong)
	case len(o.Hostname) > forward.MaxTextBytes:
		return fault("Hostname", tooLong)
	}
	if o.Hostname == "" {
		o.Hostname = defaultHostname
	}
	return nil
}

var tooLong = fmt.Sprintf("longer than %d bytes", forward.MaxTextBytes)

func fault(option, what string) error { return errors.New(option + ": " + what) }

// Required reports whether connections begin with a handshake.
func (o *Options) Required() bool { return o.SharedKey != "" || o.Secrets != nil }

// Handshake is that of one connection.
type Handshake struct {
	// Helo is the server's first message.
	Helo forward.Helo

	options Options
}

// Begin returns the Handshake of a connection. No two have the same nonce.
func (o *Options) Begin() *Handshake {
	h := &Handshake{Helo: forward.Helo{Nonce: randomBytes(), Keepalive: true}, options: *o}
	if o.Secrets != nil {
		h.options.SharedKey, h.options.Users = o.Secrets()
	}
	if h.options.Users != nil {
		h.Helo.Auth = randomBytes()
	}
	return h
}

// Answer returns the last message of the handshake, and why the client is not admitted,
// for the log; nil if it is. It takes the same time whatever the reason is. user is
// empty if there are no users.
func (h *Handshake) Answer(ping *forward.Ping) (pong forward.Pong, user string, denial error) {
	if denial := h.deny(ping); denial != nil {
		return forward.Pong{Reason: NotAdmitted}, "", denial
	}
	if h.options.Users != nil {
		user = ping.Username
	}
	return forward.Pong{
		OK:        true,
		Hostname:  h.options.Hostname,
		KeyDigest: forward.KeyDigest(ping.Salt, h.options.Hostname, h.Helo.Nonce, h.options.SharedKey),
	}, user, nil
}

func (h *Handshake) deny(ping *forward.Ping) error {
	key := forward.KeyDigest(ping.Salt, ping.Hostname, h.Helo.Nonce, h.options.SharedKey)
	knowsKey := subtle.ConstantTimeCompare([]byte(key), []byte(ping.KeyDigest)) == 1
	password, isUser := h.options.Users[ping.Username]
	digest := forward.PasswordDigest(h.Helo.Auth, ping.Username, password)
	isUser = subtle.ConstantTimeCompare([]byte(digest), []byte(ping.PasswordDigest)) == 1 && isUser
	switch {
	case !knowsKey:
		return errors.New("the shared key differs")
	case h.options.Users != nil && !isUser:
		return errors.New("no such user, or another password")
	}
	return nil
}

func randomBytes() []byte {
	b := make([]byte, saltBytes)
	_, _ = rand.Read(b) // it never fails, or ends the program
	return b
}
