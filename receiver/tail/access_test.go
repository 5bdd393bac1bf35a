// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package tail

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/receiver/access"
)

func isValid(token string) bool { return token == "good" }

func guardOf(t *testing.T, valid func(string) bool) *access.Guard {
	t.Helper()
	guard, err := access.NewGuard(access.GuardOptions{Valid: valid})
	require.NoError(t, err)
	return guard
}

// visitor is a browser with cookies.
func visitor(t *testing.T, server *httptest.Server) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	transport := server.Client().Transport.(*http.Transport).Clone() //nolint:errcheck,forcetypeassert // httptest's
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Jar: jar, Transport: transport}
}

func bodyOf(t *testing.T, client *http.Client, method, address, form string, header ...string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(form))
	require.NoError(t, err)
	if form != "" {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := client.Do(request)
	require.NoError(t, err)
	content, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.StatusCode, string(content)
}

// admitted is the answer to someone who may look, and does not ask for a stream.
const admitted = http.StatusNotAcceptable

func TestOnlyATokenOpensTheTail(t *testing.T) {
	server := serve(t, newTail(t, Options{Guard: guardOf(t, isValid)}))
	client := visitor(t, server)
	_, page := bodyOf(t, client, http.MethodGet, server.URL+"/", "")
	require.Contains(t, page, `name="token"`)
	require.NotContains(t, page, "app.js")
	status, text := bodyOf(t, client, http.MethodGet, server.URL+"/tail/stream", "")
	require.Equal(t, http.StatusUnauthorized, status)
	require.Equal(t, "unauthorized\n", text)
	status, _ = bodyOf(t, client, http.MethodGet, server.URL+"/tail/stream", "", "Cookie", cookieName+"=made-up")
	require.Equal(t, http.StatusUnauthorized, status)

	_, page = bodyOf(t, client, http.MethodPost, server.URL+"/tail/sign-in", "token=bad")
	require.Contains(t, page, "none of the tokens")
	_, page = bodyOf(t, client, http.MethodPost, server.URL+"/tail/sign-in", "token=good")
	require.Contains(t, page, "app.js")
	status, _ = bodyOf(t, client, http.MethodGet, server.URL+"/tail/stream", "")
	require.Equal(t, admitted, status)

	_, page = bodyOf(t, client, http.MethodPost, server.URL+"/tail/sign-out", "")
	require.Contains(t, page, "signed out")
	status, _ = bodyOf(t, client, http.MethodGet, server.URL+"/tail/stream", "")
	require.Equal(t, http.StatusUnauthorized, status)
}

func TestTheCookieIsOfNoUseElsewhere(t *testing.T) {
	for name, test := range map[string]struct {
		server func(http.Handler) *httptest.Server
		secure bool
	}{
		"in the clear": {httptest.NewServer, false},
		"with TLS":     {httptest.NewTLSServer, true},
	} {
		t.Run(name, func(t *testing.T) {
			server := test.server(newTail(t, Options{Guard: guardOf(t, isValid)}).Handler())
			defer server.Close()
			client := visitor(t, server)
			client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			response, err := client.PostForm(server.URL+"/tail/sign-in", url.Values{"token": {"good"}}) //nolint:noctx // short
			require.NoError(t, err)
			require.NoError(t, response.Body.Close())
			require.Equal(t, http.StatusSeeOther, response.StatusCode)
			cookies := response.Cookies()
			require.Len(t, cookies, 1)
			require.True(t, cookies[0].HttpOnly)
			require.Equal(t, http.SameSiteStrictMode, cookies[0].SameSite)
			require.Equal(t, test.secure, cookies[0].Secure)
			require.GreaterOrEqual(t, len(cookies[0].Value), 40)
			require.NotContains(t, cookies[0].Value, "good")
		})
	}
}

func TestASessionEndsWithItsToken(t *testing.T) {
	var revoked atomic.Bool
	live := newTail(t, Options{Guard: guardOf(t, func(token string) bool { return token == "good" && !revoked.Load() })})
	server := serve(t, live)
	client := visitor(t, server)
	bodyOf(t, client, http.MethodPost, server.URL+"/tail/sign-in", "token=good")
	c := connect(t, server, "", "Authorization", "bearer good")
	var hello welcome
	c.until("hello", &hello)
	require.True(t, hello.SignedIn)
	revoked.Store(true)
	status, _ := bodyOf(t, client, http.MethodGet, server.URL+"/tail/stream", "")
	require.Equal(t, http.StatusUnauthorized, status)
	for name := "hello"; name != ""; {
		name, _ = c.next()
	}
	require.NoError(t, c.lines.Err(), "the stream ends, within accessInterval")
}

func TestWrongTokensHoldUpNobodyElse(t *testing.T) {
	server := serve(t, newTail(t, Options{Guard: guardOf(t, isValid)}))
	client := visitor(t, server)
	open := connect(t, server, "", "Authorization", "Bearer good")
	for range 10 {
		_, page := bodyOf(t, client, http.MethodPost, server.URL+"/tail/sign-in", "token=bad")
		require.Contains(t, page, "none of the tokens")
	}
	status, _ := bodyOf(t, client, http.MethodGet, server.URL+"/tail/stream", "", "Authorization", "Bearer good")
	require.Equal(t, admitted, status, "the right token passes")
	_, page := bodyOf(t, client, http.MethodPost, server.URL+"/tail/sign-in", "token=good")
	require.Contains(t, page, "app.js")
	var state told
	for began := time.Now(); time.Since(began) < accessInterval+time.Second; {
		open.until("state", &state)
	}
}

func TestSessionsEndAndAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		known := newSessions()
		first := known.begin("token")
		token, ok := known.token(first)
		require.True(t, ok)
		require.Equal(t, "token", token)
		time.Sleep(time.Minute)
		for range maxSessions {
			known.begin("token")
		}
		require.Len(t, known.known, maxSessions)
		_, ok = known.token(first)
		require.False(t, ok, "the oldest makes room")
		last := known.begin("token")
		time.Sleep(sessionLifetime + time.Second)
		_, ok = known.token(last)
		require.False(t, ok)
	})
}

func TestRequestsOfOtherPagesAreRefused(t *testing.T) {
	server := serve(t, newTail(t, Options{}))
	for name, test := range map[string]struct {
		path   string
		header []string
		want   int
	}{
		"a browser's address bar":          {"/", []string{"Sec-Fetch-Site", "none"}, 200},
		"a link on another site":           {"/", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"}, 200},
		"a script of another site":         {"/tail/stream", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		"another origin":                   {"/tail/stream", []string{"Origin", "http://example.com"}, 403},
		"a foreign name with this address": {"/tail/app.js", []string{"Host", "rebound.example.com:8080"}, 403},
		"an image on a page":               {"/tail/stream", []string{"Accept", "image/webp,*/*"}, 406},
		"a program that does not say what": {"/tail/stream", nil, 406},
		"a program that reads the stream":  {"/tail/stream", []string{"Accept", "text/event-stream"}, 200},
		"a script of the page":             {"/tail/stream", []string{"Accept", "*/*", "Sec-Fetch-Site", "same-origin"}, 200},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, test.want, get(t, server.URL+test.path, test.header...).StatusCode)
		})
	}
	require.Equal(t, http.StatusOK, get(t, serve(t, newTail(t, Options{Guard: guardOf(t, isValid)})).URL, "Host", "logs.example.com").StatusCode, "with tokens any name will do")
}

func TestAnswersSayWhatBrowsersMayDoWithThem(t *testing.T) {
	server := serve(t, newTail(t, Options{}))
	for _, path := range []string{"/", "/tail/app.js", "/tail/stream", "/tail/nothing"} {
		header := get(t, server.URL+path).Header
		policy := header.Get("Content-Security-Policy")
		require.Contains(t, policy, "default-src 'none'")
		require.Contains(t, policy, "frame-ancestors 'none'")
		require.NotContains(t, policy, "unsafe")
		require.Equal(t, "nosniff", header.Get("X-Content-Type-Options"))
		require.Equal(t, "same-origin", header.Get("Referrer-Policy"))
		require.NotEmpty(t, header.Get("Cache-Control"))
	}
	require.Equal(t, "no-store", get(t, server.URL+"/").Header.Get("Cache-Control"))
	script := get(t, server.URL+"/tail/app.js")
	require.Equal(t, "text/javascript; charset=utf-8", script.Header.Get("Content-Type"))
	require.Equal(t, http.StatusNotModified, get(t, server.URL+"/tail/app.js", "If-None-Match", script.Header.Get("ETag")).StatusCode)
	require.Equal(t, http.StatusNotFound, get(t, server.URL+"/tail/index.html").StatusCode)
	require.Equal(t, http.StatusNotFound, get(t, server.URL+"/other").StatusCode)
}

func TestThePageLoadsOnlyWhatIsHere(t *testing.T) {
	for _, name := range []string{"page/index.html", "page/signin.html"} {
		content, err := embedded.ReadFile(name)
		require.NoError(t, err)
		require.NotRegexp(t, `(?i)\son\w+=|style=|<script>|<style|https?://`, string(content), "nothing inline, nothing from elsewhere")
	}
	for name, file := range assets {
		if strings.HasSuffix(name, ".js") {
			require.NotRegexp(t, `innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|https?://`, string(file.content), name)
		}
	}
}
