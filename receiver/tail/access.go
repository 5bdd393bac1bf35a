// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package tail

import (
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

const (
	cookieName = "wsreceiver_session"
	// maxFormBytes is for a form with one token.
	maxFormBytes = 8 << 10
)

// access decides who may look. valid is nil where everyone may.
type access struct {
	valid    func(token string) bool
	sessions *sessions
	failures *throttle
	hostname string
}

func newAccess(valid func(string) bool) *access {
	name, _ := os.Hostname() // without one, this machine has no name to go by
	return &access{valid: valid, sessions: newSessions(), failures: newThrottle(), hostname: strings.ToLower(name)}
}

// allowed reports whether the request comes with a token or a session that is
// good at this moment.
func (a *access) allowed(r *http.Request) bool {
	if a.valid == nil {
		return true
	}
	if scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		from := clientOf(r)
		if a.failures.blocked(from) {
			return false
		}
		if !a.valid(token) {
			a.failures.failed(from)
			return false
		}
		return true
	}
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return false
	}
	token, ok := a.sessions.token(cookie.Value)
	return ok && a.valid(token)
}

// foreign tells why a request is none of a page from here, nor typed by anyone.
func (a *access) foreign(r *http.Request) (reason string) {
	if site := r.Header.Get("Sec-Fetch-Site"); site == "cross-site" || site == "same-site" {
		// A link to the page is fine.
		if r.Method != http.MethodGet || r.URL.Path != "/" || r.Header.Get("Sec-Fetch-Mode") != "navigate" {
			return "this is for pages of the same origin"
		}
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		if from, err := url.Parse(origin); err != nil || !strings.EqualFold(from.Host, r.Host) {
			return "this is for pages of the same origin"
		}
	}
	// With TLS the certificate has the name.
	if a.valid == nil && r.TLS == nil && !a.ownName(r.Host) {
		return "without tokens the live tail answers to IP addresses, localhost and the name of this machine only"
	}
	return ""
}

// ownName reports whether host can't be a name that someone else has pointed here.
func (a *access) ownName(host string) bool {
	name := strings.ToLower(host)
	if split, _, err := net.SplitHostPort(name); err == nil {
		name = split
	}
	name = strings.TrimSuffix(strings.Trim(name, "[]"), ".")
	return net.ParseIP(name) != nil || name == "localhost" || strings.HasSuffix(name, ".localhost") || a.hostname != "" && name == a.hostname
}

func unauthorized(w http.ResponseWriter) {
	w.Header().Set("WWW-Authenticate", "Bearer")
	http.Error(w, "a token is needed", http.StatusUnauthorized)
}

// signIn answers the form. The page says what came of it.
func (a *access) signIn(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxFormBytes)
	token := r.PostFormValue("token")
	from := clientOf(r)
	switch {
	case a.valid == nil:
	case a.failures.blocked(from):
		back(w, r, "wait")
		return
	case token == "" || !a.valid(token):
		a.failures.failed(from)
		back(w, r, "failed")
		return
	default:
		http.SetCookie(w, a.cookie(r, a.sessions.begin(token), int(sessionLifetime/time.Second)))
	}
	back(w, r, "")
}

func (a *access) signOut(w http.ResponseWriter, r *http.Request) {
	if cookie, err := r.Cookie(cookieName); err == nil {
		a.sessions.end(cookie.Value)
	}
	http.SetCookie(w, a.cookie(r, "", -1))
	back(w, r, "out")
}

func (a *access) cookie(r *http.Request, value string, maxAge int) *http.Cookie {
	// Behind a proxy with TLS only that one knows. Whoever makes the header up gets
	// a cookie of their own that their browser does not send.
	secure := r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https"
	return &http.Cookie{Name: cookieName, Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true, Secure: secure, SameSite: http.SameSiteStrictMode} //nolint:gosec // Secure as far as the connection is
}

// back goes to the page. The address is relative, for proxies with a prefix.
func back(w http.ResponseWriter, _ *http.Request, outcome string) {
	target := "../"
	if outcome != "" {
		target += "?sign-in=" + outcome
	}
	w.Header().Set("Location", target)
	w.WriteHeader(http.StatusSeeOther)
}

// clientOf is whom failures are counted for: an IPv4 address, or the network of
// an IPv6 one, since a single machine has all of that.
func clientOf(r *http.Request) string {
	ip := net.ParseIP(ipOf(r.RemoteAddr))
	if ip == nil || ip.To4() != nil {
		return ip.String()
	}
	return ip.Mask(net.CIDRMask(64, 128)).String()
}
