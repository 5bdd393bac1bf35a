// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"crypto/sha256"
	"crypto/tls"
	"net"
	"net/http"
)

// Sender tells senders of requests apart by what only they have: the certificate of
// the client, if it was verified, and the bearer token. It is a digest of these, the
// same for each request with the same two, or empty if there is neither. It says
// nothing about whether the token is valid.
func Sender(r *http.Request) string {
	secret := ""
	if token, ok := Bearer(r); ok {
		secret = token
	}
	return senderOf(r.TLS, secret)
}

// ConnSender is Sender for a connection that is not of a request. user is a name that was
// verified, empty if there is none.
func ConnSender(conn net.Conn, user string) string {
	if user != "" {
		user = "user\x00" + user // which is not a token
	}
	secured, ok := conn.(*tls.Conn)
	if !ok {
		return senderOf(nil, user)
	}
	state := secured.ConnectionState()
	return senderOf(&state, user)
}

func senderOf(state *tls.ConnectionState, secret string) string {
	digest := sha256.New()
	isKnown := secret != ""
	if state != nil && len(state.VerifiedChains) > 0 {
		isKnown = true
		certificate := sha256.Sum256(state.VerifiedChains[0][0].Raw)
		_, _ = digest.Write(certificate[:]) // of one length, so that what follows can't be taken for a part of it
	}
	if !isKnown {
		return ""
	}
	_, _ = digest.Write([]byte(secret))
	return string(digest.Sum(nil))
}
