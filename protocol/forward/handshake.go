// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"crypto/sha512"
	"encoding/hex"

	"github.com/tinylib/msgp/msgp"
)

// The first element of each message of the handshake.
const (
	helo = "HELO"
	ping = "PING"
	pong = "PONG"
)

// Helo is the server's first message, which asks the client to identify itself.
type Helo struct {
	// Nonce goes into the digests of the shared key.
	Nonce []byte
	// Auth is the salt for the digest of a password, empty if the server does not
	// require a user.
	Auth []byte
	// Keepalive means that the connection may be used for more than one request.
	Keepalive bool
}

// AppendHelo appends ["HELO", {"nonce": …, "auth": …, "keepalive": …}] to dst.
func AppendHelo(dst []byte, h Helo) []byte {
	dst = msgp.AppendArrayHeader(dst, 2)
	dst = msgp.AppendString(dst, helo)
	dst = msgp.AppendMapHeader(dst, 3)
	dst = msgp.AppendString(dst, "nonce")
	dst = msgp.AppendBytes(dst, h.Nonce)
	dst = msgp.AppendString(dst, "auth")
	dst = msgp.AppendBytes(dst, h.Auth)
	dst = msgp.AppendString(dst, "keepalive")
	return msgp.AppendBool(dst, h.Keepalive)
}

// ParseHelo reads a HELO. One without a nonce is an error. Without "auth" no user is
// required, and without "keepalive" the connection is kept, as in Fluentd.
func ParseHelo(message []byte) (Helo, error) {
	r := reader{rest: message, what: helo}
	r.begin(2, 2)
	h := Helo{Auth: []byte{}, Keepalive: true}
	for range r.mapHeader() {
		switch key := r.text(); key {
		case "nonce":
			h.Nonce = []byte(r.text())
		case "auth":
			h.Auth = []byte(r.optionalText())
		case "keepalive":
			h.Keepalive = r.bool()
		default:
			r.skip()
		}
	}
	if len(h.Nonce) == 0 {
		r.fail("without a nonce")
	}
	if err := r.end(); err != nil {
		return Helo{}, err
	}
	return h, nil
}

// Ping is the client's answer to a HELO, which proves that it knows the key.
type Ping struct {
	// Hostname is the client's.
	Hostname string
	// Salt is chosen by the client, for both digests of the key. It is written as str,
	// which Fluent Bit requires, so it should be text.
	Salt []byte
	// KeyDigest is KeyDigest(Salt, Hostname, nonce, key).
	KeyDigest string
	// Username is empty if the server does not require a user.
	Username string
	// PasswordDigest is PasswordDigest(auth, Username, password), or empty.
	PasswordDigest string
}

// AppendPing appends ["PING", hostname, salt, digest, username, digest] to dst.
func AppendPing(dst []byte, p Ping) []byte {
	dst = msgp.AppendArrayHeader(dst, 6)
	dst = msgp.AppendString(dst, ping)
	dst = msgp.AppendString(dst, p.Hostname)
	dst = msgp.AppendStringFromBytes(dst, p.Salt)
	dst = msgp.AppendString(dst, p.KeyDigest)
	dst = msgp.AppendString(dst, p.Username)
	return msgp.AppendString(dst, p.PasswordDigest)
}

// ParsePing reads a PING.
func ParsePing(message []byte) (Ping, error) {
	r := reader{rest: message, what: ping}
	r.begin(6, 6)
	p := Ping{
		Hostname:       r.text(),
		Salt:           []byte(r.text()),
		KeyDigest:      r.text(),
		Username:       r.optionalText(),
		PasswordDigest: r.optionalText(),
	}
	if err := r.end(); err != nil {
		return Ping{}, err
	}
	return p, nil
}

// Pong is the server's answer to a PING.
type Pong struct {
	// OK means that the server accepts the client.
	OK bool
	// Reason is why it does not.
	Reason string
	// Hostname is the server's.
	Hostname string
	// KeyDigest is KeyDigest(salt of the PING, Hostname, nonce, key). It proves that
	// the server knows the key too.
	KeyDigest string
}

// AppendPong appends ["PONG", ok, reason, hostname, digest] to dst.
func AppendPong(dst []byte, p Pong) []byte {
	dst = msgp.AppendArrayHeader(dst, 5)
	dst = msgp.AppendString(dst, pong)
	dst = msgp.AppendBool(dst, p.OK)
	dst = msgp.AppendString(dst, p.Reason)
	dst = msgp.AppendString(dst, p.Hostname)
	return msgp.AppendString(dst, p.KeyDigest)
}

// ParsePong reads a PONG. One that refuses the client may end after its reason.
func ParsePong(message []byte) (Pong, error) {
	r := reader{rest: message, what: pong}
	elements := r.begin(3, 5)
	p := Pong{OK: r.bool(), Reason: r.optionalText()}
	if elements > 3 {
		p.Hostname = r.optionalText()
	}
	if elements > 4 {
		p.KeyDigest = r.optionalText()
	}
	if p.OK && p.KeyDigest == "" {
		r.fail("without the digest of the key")
	}
	if err := r.end(); err != nil {
		return Pong{}, err
	}
	return p, nil
}

// KeyDigest returns the proof of the side with that hostname that it knows the key:
// SHA-512 over salt, hostname, nonce and key in lower-case hex.
func KeyDigest(salt []byte, hostname string, nonce []byte, sharedKey string) string {
	return digest(salt, []byte(hostname), nonce, []byte(sharedKey))
}

// PasswordDigest returns the proof of a client that it knows the user's password:
// SHA-512 over the server's salt, username and password in lower-case hex.
func PasswordDigest(authSalt []byte, username, password string) string {
	return digest(authSalt, []byte(username), []byte(password))
}

func digest(parts ...[]byte) string {
	hash := sha512.New()
	for _, part := range parts {
		hash.Write(part)
	}
	return hex.EncodeToString(hash.Sum(nil))
}
