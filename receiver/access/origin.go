// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
)

// This file keeps out pages of other sites that a visitor's browser runs.
// http.CrossOriginProtection is not enough: it lets every GET pass, and so each
// upgrade to WebSocket, and believes any Host.

const (
	notSameOrigin = "only pages of the same origin may send requests"
	notOwnName    = "without tokens and TLS, pages are served under IP addresses, localhost, the name of this machine and allowed origins only"
)

// ownNames are the names that nobody else can have pointed here.
func ownNames(more []string) map[string]bool {
	names := map[string]bool{"localhost": true}
	if hostname, err := os.Hostname(); err == nil {
		more = append([]string{hostname}, more...)
	}
	for _, name := range more {
		if name = strings.ToLower(strings.TrimSuffix(name, ".")); name != "" {
			names[name] = true
		}
	}
	return names
}

// parseOrigin returns an origin as browsers write it, and its host.
func parseOrigin(text string) (origin, name string, err error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || text != u.Scheme+"://"+u.Host {
		return "", "", fmt.Errorf("%q is not an origin such as https://logs.example.com", text)
	}
	return strings.ToLower(text), nameOf(u.Host), nil
}

// nameOf returns the host without its port.
func nameOf(host string) string {
	name := strings.ToLower(host)
	if split, _, err := net.SplitHostPort(name); err == nil {
		name = split
	}
	return strings.TrimSuffix(strings.Trim(name, "[]"), ".")
}

// isOwn reports whether host is a name that nobody else can have pointed here.
func (g *Guard) isOwn(host string) bool {
	name := nameOf(host)
	return net.ParseIP(name) != nil || g.names[name] || strings.HasSuffix(name, ".localhost")
}

// SameOrigin refuses requests of pages from other sites, on any path. Programs, which
// send neither Origin nor Sec-Fetch-Site, pass.
func (g *Guard) SameOrigin(next http.Handler) http.Handler {
	return refuseForeign(next, func(r *http.Request) string { return g.foreign(r, false) })
}

// SameOriginPage is SameOrigin for what a browser can read without an Origin: without
// tokens and TLS it also refuses requests under a foreign name. A site could point a
// name of its own here, and read along as a page of the same origin (DNS rebinding).
func (g *Guard) SameOriginPage(next http.Handler) http.Handler {
	return refuseForeign(next, func(r *http.Request) string { return g.foreign(r, true) })
}

func refuseForeign(next http.Handler, foreign func(*http.Request) string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if reason := foreign(r); reason != "" {
			http.Error(w, reason, http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Origin reports whether a request with an Origin header may come from there, as
// SameOrigin does. It is for receiver.Options.CheckOrigin.
func (g *Guard) Origin(r *http.Request) bool { return g.foreign(r, false) == "" }

// foreign returns why a request is refused.
func (g *Guard) foreign(r *http.Request, isPage bool) (reason string) {
	origin := r.Header.Get("Origin")
	if origin != "" && g.origins[strings.ToLower(origin)] {
		return ""
	}
	if site := r.Header.Get("Sec-Fetch-Site"); site == "cross-site" || site == "same-site" {
		// A link to the page is fine.
		if r.Method != http.MethodGet || r.URL.Path != "/" || r.Header.Get("Sec-Fetch-Mode") != "navigate" {
			return notSameOrigin
		}
	}
	if origin != "" {
		if from, err := url.Parse(origin); err != nil || from.Host == "" || !strings.EqualFold(from.Host, r.Host) {
			return notSameOrigin
		}
	}
	// A page under a foreign name has no token, and TLS compares the name with the
	// certificate.
	if (isPage || origin != "") && g.valid == nil && r.TLS == nil && !g.isOwn(r.Host) {
		return notOwnName
	}
	return ""
}
