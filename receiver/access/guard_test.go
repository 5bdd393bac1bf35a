// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

var teapot = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })

func newGuard(t *testing.T, o GuardOptions) *Guard {
	t.Helper()
	g, err := NewGuard(o)
	require.NoError(t, err)
	return g
}

func isGood(token string) bool { return token == "good" }

// ask returns the status that handler answers with.
func ask(t *testing.T, handler http.Handler, prepare func(r *http.Request)) (int, *httptest.ResponseRecorder) {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/ingest", nil)
	request.Host = "127.0.0.1:8080"
	prepare(request)
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, request)
	return answer.Code, answer
}

func TestRequireAToken(t *testing.T) {
	handler := newGuard(t, GuardOptions{Valid: isGood}).Require(teapot)
	for header, want := range map[string]int{
		"Bearer good":      http.StatusTeapot,
		"bearer good":      http.StatusTeapot,
		"BEARER   good":    http.StatusTeapot,
		"":                 http.StatusUnauthorized,
		"Bearer":           http.StatusUnauthorized,
		"Bearer ":          http.StatusUnauthorized,
		"Bearer bad":       http.StatusUnauthorized,
		"Bearer good good": http.StatusUnauthorized,
		"Basic good":       http.StatusUnauthorized,
		"ApiKey good":      http.StatusUnauthorized,
		"good":             http.StatusUnauthorized,
	} {
		t.Run(header, func(t *testing.T) {
			code, answer := ask(t, handler, func(r *http.Request) { r.Header.Set("Authorization", header) })
			require.Equal(t, want, code)
			if want == http.StatusUnauthorized {
				require.Equal(t, "Bearer", answer.Header().Get("WWW-Authenticate"))
				require.Equal(t, "unauthorized\n", answer.Body.String(), "not a word about why")
			}
		})
	}
	code, _ := ask(t, newGuard(t, GuardOptions{}).Require(teapot), func(*http.Request) {})
	require.Equal(t, http.StatusTeapot, code, "none is required")
}

func TestWrongTokensAreSlowAndRightOnesAreNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		guard := newGuard(t, GuardOptions{Valid: isGood})
		records, metrics := guard.Require(teapot), guard.Require(teapot)
		try := func(handler http.Handler, token, address string) (int, time.Duration) {
			began := time.Now()
			code, _ := ask(t, handler, func(r *http.Request) {
				r.RemoteAddr = address
				r.Header.Set("Authorization", "Bearer "+token)
			})
			return code, time.Since(began)
		}
		for range freeFailures {
			code, took := try(records, "bad", "192.0.2.1:1")
			require.Equal(t, http.StatusUnauthorized, code)
			require.Zero(t, took)
		}
		for i := range 20 {
			_, took := try(metrics, fmt.Sprint("bad", i), "192.0.2.1:2")
			require.Equal(t, failureSpacing, took, "on all paths together")
		}
		code, took := try(records, "good", "192.0.2.1:3")
		require.Equal(t, http.StatusTeapot, code)
		require.Zero(t, took)
		_, took = try(records, "bad", "192.0.2.2:1")
		require.Zero(t, took, "another address")
		time.Sleep(failureInterval + time.Second)
		_, took = try(records, "bad", "192.0.2.1:4")
		require.Zero(t, took, "forgotten")
	})
}

func TestManyGuessesAtOnceAreNoFaster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := newThrottle()
		for range freeFailures {
			require.Zero(t, slow.failed("a"))
		}
		for i := range 10 {
			require.Equal(t, min(time.Duration(i+1)*failureSpacing, maxFailureWait), slow.failed("a"))
		}
	})
}

func TestFailuresAreForgottenAndBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := newThrottle()
		for i := range 3 * maxThrottled {
			slow.failed(fmt.Sprint(i))
		}
		require.LessOrEqual(t, len(slow.counts), maxThrottled+1)
		require.NotZero(t, slow.failed("someone new"), "a guesser with many addresses has no more tries")
		time.Sleep(failureInterval + time.Second)
		require.Zero(t, slow.failed("someone new"))
		require.Less(t, len(slow.counts), 10)
	})
}

func TestAddressesAreOfOneMachine(t *testing.T) {
	require.Equal(t, "192.0.2.1", addressOf("192.0.2.1:80"))
	require.Equal(t, "2001:db8:1:2::", addressOf("[2001:db8:1:2:3:4:5:6]:80"))
	require.Equal(t, "pipe", addressOf("pipe"))
}

func TestPagesOfOtherSitesAreRefused(t *testing.T) {
	hostname, err := os.Hostname()
	require.NoError(t, err)
	plain := GuardOptions{Origins: []string{"https://logs.example.com"}, Names: []string{"receiver.internal"}}
	for name, test := range map[string]struct {
		host, origin, site string
		options            GuardOptions
		tls                bool
		program, page      int // what a path for programs and what a page answers
	}{
		"a program":                             {host: "127.0.0.1:8080", program: 418, page: 418},
		"a program that uses some name":         {host: "agents.example.com", program: 418, page: 403},
		"a page under an address":               {host: "10.0.0.1:8080", origin: "http://10.0.0.1:8080", program: 418, page: 418},
		"a page under localhost":                {host: "localhost:8080", origin: "http://localhost:8080", program: 418, page: 418},
		"a page under a name below localhost":   {host: "tail.localhost", origin: "http://tail.localhost", program: 418, page: 418},
		"a page under the machine's name":       {host: strings.ToUpper(hostname), origin: "http://" + hostname, program: 418, page: 418},
		"a page under the name of --listen":     {host: "receiver.internal:1", origin: "http://receiver.internal:1", program: 418, page: 418},
		"an IPv6 address":                       {host: "[2001:db8::1]:8080", origin: "http://[2001:db8::1]:8080", program: 418, page: 418},
		"a name that someone pointed here":      {host: "rebound.example.org:8080", origin: "http://rebound.example.org:8080", program: 403, page: 403},
		"the same without an Origin":            {host: "rebound.example.org:8080", program: 418, page: 403},
		"the same with tokens":                  {host: "rebound.example.org", origin: "http://rebound.example.org", options: GuardOptions{Valid: isGood}, program: 418, page: 418},
		"a name in a certificate":               {host: "rebound.example.org", origin: "https://rebound.example.org", tls: true, program: 418, page: 418},
		"another site":                          {host: "127.0.0.1:8080", origin: "http://example.org", program: 403, page: 403},
		"another site, with tokens":             {host: "127.0.0.1:8080", origin: "http://example.org", options: GuardOptions{Valid: isGood}, program: 403, page: 403},
		"another site, with TLS":                {host: "127.0.0.1:8080", origin: "http://example.org", tls: true, program: 403, page: 403},
		"another port":                          {host: "127.0.0.1:8080", origin: "http://127.0.0.1:3000", program: 403, page: 403},
		"no origin at all":                      {host: "127.0.0.1:8080", origin: "null", program: 403, page: 403},
		"something that ends like localhost":    {host: "evillocalhost", origin: "http://evillocalhost", program: 403, page: 403},
		"a script of another site":              {host: "127.0.0.1:8080", site: "cross-site", program: 403, page: 403},
		"a script of a neighbour":               {host: "127.0.0.1:8080", site: "same-site", program: 403, page: 403},
		"an origin that is allowed":             {host: "127.0.0.1:8080", origin: "https://logs.example.com", site: "cross-site", program: 418, page: 418},
		"its host as a name":                    {host: "logs.example.com", program: 418, page: 418},
		"an allowed host under another scheme":  {host: "127.0.0.1:8080", origin: "http://logs.example.com", program: 403, page: 403},
		"an origin that begins like an allowed": {host: "127.0.0.1:8080", origin: "https://logs.example.com.evil.org", program: 403, page: 403},
	} {
		t.Run(name, func(t *testing.T) {
			options := test.options
			if options.Valid == nil {
				options = plain
			}
			guard := newGuard(t, options)
			prepare := func(r *http.Request) {
				r.Host = test.host
				if test.origin != "" {
					r.Header.Set("Origin", test.origin)
				}
				if test.site != "" {
					r.Header.Set("Sec-Fetch-Site", test.site)
				}
				if test.tls {
					r.TLS = &tls.ConnectionState{}
				}
			}
			code, _ := ask(t, guard.SameOrigin(teapot), prepare)
			require.Equal(t, test.program, code)
			code, _ = ask(t, guard.SameOriginPage(teapot), prepare)
			require.Equal(t, test.page, code)
		})
	}
}

func TestAnOriginIsASchemeAndAHost(t *testing.T) {
	for _, wrong := range []string{"", "*", "null", "logs.example.com", "https://", "https://a/", "https://a/b", "ws://a", "https://a?b", "https://u@a:b", "https://a b"} {
		_, err := NewGuard(GuardOptions{Origins: []string{wrong}})
		require.ErrorContains(t, err, "is not an origin such as https://logs.example.com", wrong)
	}
}

func TestFilesThatOthersMayUseAreNamed(t *testing.T) {
	for mode, want := range map[os.FileMode][2]string{
		0o600: {"", ""},
		0o640: {"", ""},
		0o644: {"everyone may read it (mode 0644)", ""},
		0o666: {"others may write to it (mode 0666)", "others may write to it (mode 0666)"},
		0o620: {"others may write to it (mode 0620)", "others may write to it (mode 0620)"},
	} {
		for i, secret := range []bool{true, false} {
			if err := checkMode("file", mode, secret); want[i] == "" {
				require.NoError(t, err)
			} else {
				require.EqualError(t, err, "file: "+want[i])
			}
		}
	}
	require.ErrorIs(t, CheckPermissions(t.TempDir()+"/none", true), os.ErrNotExist)
}
