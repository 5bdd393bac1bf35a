// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"crypto/sha256"
	"net/http"
	"strings"
)

// Sender tells senders of requests apart by what only they have: the certificate of
// the client, if it was verified, and the bearer token. It is a digest of these, the
// same for each request with the same two, or empty if there is neither. It says
// nothing about whether the token is valid.
func Sender(r *http.Request) string {
	digest := sha256.New()
	isKnown := false
	if r.TLS != nil && len(r.TLS.VerifiedChains) > 0 {
		isKnown = true
		certificate := sha256.Sum256(r.TLS.VerifiedChains[0][0].Raw)
		_, _ = digest.Write(certificate[:]) // of one length, so that what follows can't be taken for a part of it
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if token = strings.TrimLeft(token, " "); token != "" && strings.EqualFold(scheme, "Bearer") {
		isKnown = true
		_, _ = digest.Write([]byte(token))
	}
	if !isKnown {
		return ""
	}
	return string(digest.Sum(nil))
}
