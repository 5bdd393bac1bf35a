// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"context"
	"net/http"
	"strings"
	"time"
)

// GuardOptions configure a Guard. All may be left out.
type GuardOptions struct {
	// Valid reports whether a token is good, in constant time. It may be called from
	// any goroutine. nil lets everyone in.
	Valid func(token string) bool
	// Origins are the web origins of other sites whose pages may send requests, such
	// as https://logs.example.com. Their hosts count as own names too.
	Origins []string
	// Names are further names of this server, beside localhost and the machine's.
	Names []string
}

// Guard decides which requests are let in. The paths of a server share one, so that
// wrong tokens are counted together. Its methods may be called from any goroutine.
type Guard struct {
	valid    func(token string) bool
	failures *throttle
	origins  map[string]bool
	names    map[string]bool
}

// NewGuard returns a Guard, or an error that names the wrong origin.
func NewGuard(o GuardOptions) (*Guard, error) {
	g := &Guard{valid: o.Valid, failures: newThrottle(), origins: map[string]bool{}, names: ownNames(o.Names)}
	for _, text := range o.Origins {
		origin, name, err := parseOrigin(text)
		if err != nil {
			return nil, err
		}
		g.origins[origin], g.names[name] = true, true
	}
	return g, nil
}

// NeedsToken reports whether a token is required.
func (g *Guard) NeedsToken() bool { return g.valid != nil }

// Valid reports whether the token is good, or none is required.
func (g *Guard) Valid(token string) bool { return g.valid == nil || g.valid(token) }

// Bearer returns the token of the header "Authorization: Bearer TOKEN" (RFC 6750 2.1).
func Bearer(r *http.Request) (token string, ok bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.TrimLeft(token, " "), strings.EqualFold(scheme, "Bearer")
}

// Require passes requests with a valid bearer token to next, at once. Others get 401
// without a reason, after a while if there were many wrong tokens from their address.
func (g *Guard) Require(next http.Handler) http.Handler {
	if g.valid == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if token, ok := Bearer(r); ok && g.valid(token) {
			next.ServeHTTP(w, r)
			return
		}
		g.Refuse(w, r)
	})
}

// Refuse answers 401 to a request without a valid token. A wrong one is counted.
func (g *Guard) Refuse(w http.ResponseWriter, r *http.Request) {
	if _, ok := Bearer(r); ok {
		g.Failed(r)
	}
	w.Header().Set("WWW-Authenticate", "Bearer")
	http.Error(w, "unauthorized", http.StatusUnauthorized)
}

// Failed counts a wrong token and blocks until it may be answered, or the request
// ends.
func (g *Guard) Failed(r *http.Request) { g.FailedFrom(r.Context(), r.RemoteAddr) }

// FailedFrom is Failed for those who are not requests, by host:port.
func (g *Guard) FailedFrom(ctx context.Context, remoteAddr string) {
	wait := g.failures.failed(addressOf(remoteAddr))
	if wait == 0 {
		return
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
