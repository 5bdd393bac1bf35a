// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package tail

import (
	"net/http"
	"time"

	"filebeat-websocket/receiver/access"
)

const (
	cookieName = "wsreceiver_session"
	// maxFormBytes is the maximum length of the sign-in form, which holds one token.
	maxFormBytes = 8 << 10
)

// visitors decides who may look: programs with a token, and browsers with a session.
type visitors struct {
	guard    *access.Guard
	sessions *sessions
}

// allowed reports whether the request comes with a token or a session that is
// valid at this moment.
func (v *visitors) allowed(r *http.Request) bool {
	if !v.guard.NeedsToken() {
		return true
	}
	if token, ok := access.Bearer(r); ok {
		return v.guard.Valid(token)
	}
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return false
	}
	token, ok := v.sessions.token(cookie.Value)
	return ok && v.guard.Valid(token)
}

// signIn answers the form. The page shows the result.
func (v *visitors) signIn(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxFormBytes)
	token := r.PostFormValue("token")
	switch {
	case !v.guard.NeedsToken():
	case token == "" || !v.guard.Valid(token):
		v.guard.Failed(r)
		back(w, r, "failed")
		return
	default:
		http.SetCookie(w, v.cookie(r, v.sessions.begin(token), int(sessionLifetime/time.Second)))
	}
	back(w, r, "")
}

func (v *visitors) signOut(w http.ResponseWriter, r *http.Request) {
	if cookie, err := r.Cookie(cookieName); err == nil {
		v.sessions.end(cookie.Value)
	}
	http.SetCookie(w, v.cookie(r, "", -1))
	back(w, r, "out")
}

func (v *visitors) cookie(r *http.Request, value string, maxAge int) *http.Cookie {
	// Behind a proxy with TLS only the proxy's header tells. A client that forges it gets
	// a cookie that its own browser does not send.
	secure := r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https"
	return &http.Cookie{Name: cookieName, Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true, Secure: secure, SameSite: http.SameSiteStrictMode} //nolint:gosec // Secure as far as the connection is
}

// back redirects to the page. The address is relative, for proxies with a prefix.
func back(w http.ResponseWriter, _ *http.Request, outcome string) {
	target := "../"
	if outcome != "" {
		target += "?sign-in=" + outcome
	}
	w.Header().Set("Location", target)
	w.WriteHeader(http.StatusSeeOther)
}
