// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/elastic/beats/v7/libbeat/outputs/outest"

	"filebeat-websocket/outputs/websocket/internal/conn"
	"filebeat-websocket/outputs/websocket/internal/endpoint"
	"filebeat-websocket/outputs/websocket/internal/retry"
	"filebeat-websocket/testing/beattest"
	"filebeat-websocket/testing/wstest"
)

// farName is a host that only a gateway knows.
const farName = "logs.far.invalid"

var farNames = map[string]string{farName: "127.0.0.1"}

// expandGateway fills in the address of a gateway.
func expandGateway(text string, gateway *beattest.Gateway) string {
	return strings.ReplaceAll(text, "GATEWAY", gateway.Addr())
}

// answering answers a CONNECT with that text.
func answering(text string) func(io.Writer, *http.Request) {
	return func(w io.Writer, _ *http.Request) { _, _ = io.WriteString(w, text) }
}

// startFar starts a server, with TLS of that authority if scheme is wss, and
// returns its port.
func startFar(t *testing.T, ca *beattest.CA, scheme string) (server *wstest.Server, port string) {
	t.Helper()
	var options []wstest.Option
	if scheme == "wss" {
		listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{*ca.Issue("127.0.0.1")}})
		require.NoError(t, err)
		options = append(options, wstest.WithListener(listener))
	}
	server = wstest.Start(t, options...)
	_, port, err := net.SplitHostPort(server.Addr())
	require.NoError(t, err)
	return server, port
}

// publishes connects and has a batch confirmed.
func (f *fixture) publishes(t *testing.T) {
	t.Helper()
	require.NoError(t, f.client.Connect())
	batch, signals := f.batch(1, 20)
	require.NoError(t, f.client.Publish(context.Background(), batch))
	require.Equal(t, outest.BatchACK, awaitSignal(t, signals).Tag)
}

func TestEventsGoThroughEveryKindOfProxy(t *testing.T) {
	ca := beattest.NewCA(t)
	for _, scheme := range []string{"ws", "wss"} {
		for _, proxyScheme := range []string{"http", "https", "socks5", "socks5h"} {
			for _, user := range []string{"", "me:p%40ss@"} {
				t.Run(scheme+" through "+proxyScheme+" "+user, func(t *testing.T) {
					server, port := startFar(t, ca, scheme)
					settings := beattest.GatewaySettings{Names: farNames}
					if user != "" {
						settings.User, settings.Password = "me", "p@ss"
					}
					if proxyScheme == "https" {
						settings.TLS = ca.Issue("127.0.0.1")
					}
					gateway := beattest.StartGateway(t, settings)
					// The certificate does not have this name.
					f := newFixture(t, fmt.Sprintf(`{hosts: ["%s://%s:%s"], proxy_url: "%s://%s%s", ssl: {certificate_authorities: [%q], verification_mode: certificate}}`,
						scheme, farName, port, proxyScheme, user, gateway.Addr(), ca.File))
					f.publishes(t)
					require.Empty(t, server.Missing(1, 20))
					require.Equal(t, 1, gateway.Tunnels())
					require.Equal(t, farName+":"+port, gateway.Requests()[0].Target, "the proxy resolves")
				})
			}
		}
	}
}

func TestProxyHeadersAreForTheProxy(t *testing.T) {
	server := wstest.Start(t)
	gateway := beattest.StartGateway(t, beattest.GatewaySettings{})
	f := newFixture(t, fmt.Sprintf(`{proxy_url: %q, proxy_headers: {X-Site: north}, bearer_token: abc}`, gateway.Addr()), server)
	require.NoError(t, f.client.Connect())
	asked, request := gateway.Requests()[0], server.Conns()[0].Request
	require.Equal(t, "CONNECT", asked.Protocol)
	require.Equal(t, "north", asked.Header.Get("X-Site"))
	require.Equal(t, "test-agent", asked.Header.Get("User-Agent"))
	require.Empty(t, asked.Header.Get("Authorization"))
	require.Empty(t, request.Header.Get("X-Site"))
	require.Equal(t, "Bearer abc", request.Header.Get("Authorization"))
}

func TestNamesAreResolvedAtTheProxyOrHere(t *testing.T) {
	server := wstest.Start(t)
	_, port, err := net.SplitHostPort(server.Addr())
	require.NoError(t, err)
	for name, c := range map[string]struct {
		scheme, more string
		want         []string
	}{
		"socks5":                    {"socks5", "", []string{"localhost"}},
		"http":                      {"http", "", []string{"localhost"}},
		"socks5, local resolver":    {"socks5", ", proxy_use_local_resolver: true", []string{"127.0.0.1", "::1"}},
		"http, local resolver":      {"http", ", proxy_use_local_resolver: true", []string{"127.0.0.1", "::1"}},
		"socks5, no local resolver": {"socks5", ", proxy_use_local_resolver: false", []string{"localhost"}},
	} {
		t.Run(name, func(t *testing.T) {
			gateway := beattest.StartGateway(t, beattest.GatewaySettings{Names: map[string]string{"localhost": "127.0.0.1", "::1": "127.0.0.1"}})
			f := newFixture(t, fmt.Sprintf(`{hosts: ["ws://localhost:%s"], proxy_url: "%s://%s"%s}`, port, c.scheme, gateway.Addr(), c.more))
			f.publishes(t)
			host, _, err := net.SplitHostPort(gateway.Requests()[0].Target)
			require.NoError(t, err)
			require.Contains(t, c.want, host)
		})
	}
	t.Run("an unknown name", func(t *testing.T) {
		gateway := beattest.StartGateway(t, beattest.GatewaySettings{})
		f := newFixture(t, fmt.Sprintf(`{hosts: ["ws://%s"], proxy_url: "socks5://%s", proxy_use_local_resolver: true}`, farName, gateway.Addr()))
		err := f.client.Connect()
		require.ErrorContains(t, err, farName)
		require.NotContains(t, err.Error(), "proxy", "it was not asked")
	})
}

// withoutProxies takes the proxies of this machine out of the environment.
func withoutProxies(t *testing.T) {
	t.Helper()
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"} {
		t.Setenv(name, "")
		t.Setenv(map[string]string{"HTTP_PROXY": "http_proxy", "HTTPS_PROXY": "https_proxy", "NO_PROXY": "no_proxy"}[name], "")
	}
}

func TestProxyOfTheEnvironment(t *testing.T) {
	ca := beattest.NewCA(t)
	const through, around = true, false
	for name, c := range map[string]struct {
		scheme      string
		environment map[string]string // GATEWAY is the gateway's address
		more        string
		want        bool
	}{
		"HTTP_PROXY, ws":              {"ws", map[string]string{"HTTP_PROXY": "http://GATEWAY"}, "", through},
		"http_proxy without a scheme": {"ws", map[string]string{"http_proxy": "GATEWAY"}, "", through},
		"HTTPS_PROXY, wss":            {"wss", map[string]string{"HTTPS_PROXY": "http://GATEWAY"}, "", through},
		"socks5":                      {"ws", map[string]string{"HTTP_PROXY": "socks5://GATEWAY"}, "", through},
		"HTTP_PROXY, wss":             {"wss", map[string]string{"HTTP_PROXY": "http://GATEWAY"}, "", around},
		"HTTPS_PROXY, ws":             {"ws", map[string]string{"HTTPS_PROXY": "http://GATEWAY"}, "", around},
		"NO_PROXY names the host":     {"ws", map[string]string{"HTTP_PROXY": "http://GATEWAY", "NO_PROXY": "other," + farName}, "", around},
		"NO_PROXY names its domain":   {"ws", map[string]string{"HTTP_PROXY": "http://GATEWAY", "NO_PROXY": ".far.invalid"}, "", around},
		"NO_PROXY names another":      {"ws", map[string]string{"HTTP_PROXY": "http://GATEWAY", "NO_PROXY": "near.invalid"}, "", through},
		"proxy_disable":               {"ws", map[string]string{"HTTP_PROXY": "http://GATEWAY"}, ", proxy_disable: true", around},
		"proxy_url goes before":       {"ws", map[string]string{"HTTP_PROXY": "http://127.0.0.1:1", "NO_PROXY": "*"}, `, proxy_url: "http://GATEWAY"`, through},
		"nothing in the environment":  {"ws", nil, "", around},
	} {
		t.Run(name, func(t *testing.T) {
			withoutProxies(t)
			_, port := startFar(t, ca, c.scheme)
			gateway := beattest.StartGateway(t, beattest.GatewaySettings{Names: farNames})
			for key, value := range c.environment {
				t.Setenv(key, expandGateway(value, gateway))
			}
			f := newFixture(t, fmt.Sprintf(`{hosts: ["%s://%s:%s"], ssl: {certificate_authorities: [%q], verification_mode: certificate}%s}`,
				c.scheme, farName, port, ca.File, expandGateway(c.more, gateway)))
			err := f.client.Connect()
			if c.want == through {
				require.NoError(t, err)
				require.Equal(t, 1, gateway.Tunnels())
				return
			}
			require.ErrorContains(t, err, farName, "nobody else knows that name")
			require.Empty(t, gateway.Requests())
		})
	}
	t.Run("loopback is never proxied", func(t *testing.T) {
		withoutProxies(t)
		t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
		newFixture(t, ``, wstest.Start(t)).publishes(t)
	})
	t.Run("an unknown scheme", func(t *testing.T) {
		withoutProxies(t)
		t.Setenv("HTTP_PROXY", "ftp://me:hunter2@proxy.invalid")
		f := newFixture(t, `hosts: ["ws://`+farName+`"]`)
		err := f.client.Connect()
		require.ErrorContains(t, err, `the URL of the proxy in the environment: unknown scheme "ftp"`)
		require.NotContains(t, err.Error(), "hunter2")
	})
	t.Run("a password that is not encoded", func(t *testing.T) {
		withoutProxies(t)
		t.Setenv("HTTP_PROXY", "http://me:hunter2%!@proxy.invalid")
		f := newFixture(t, `hosts: ["ws://`+farName+`"]`)
		err := f.client.Connect()
		require.ErrorContains(t, err, `the URL of the proxy in the environment: is not a valid URL`, "the host is not connected to without the proxy")
		require.NotContains(t, err.Error(), "hunter2")
	})
}

func TestProxyThatRefuses(t *testing.T) {
	const password = "hunter2-pw"
	for name, c := range map[string]struct {
		settings beattest.GatewaySettings
		scheme   string
		want     string
		longest  bool
	}{
		"407":                       {beattest.GatewaySettings{User: "me", Password: "another"}, "http", "the proxy answered CONNECT with 407 Proxy Authentication Required", true},
		"403":                       {beattest.GatewaySettings{Refuse: func(int) int { return 403 }}, "http", "the proxy answered CONNECT with 403 Forbidden", true},
		"502":                       {beattest.GatewaySettings{Refuse: func(int) int { return 502 }}, "http", "the proxy answered CONNECT with 502 Bad Gateway", false},
		"socks5, a wrong password":  {beattest.GatewaySettings{User: "me", Password: "another"}, "socks5", "username/password authentication failed", false},
		"socks5, not allowed":       {beattest.GatewaySettings{Refuse: func(int) int { return 403 }}, "socks5", "connection not allowed by ruleset", false},
		"https, to one without TLS": {beattest.GatewaySettings{}, "https", "TLS: ", false},
	} {
		t.Run(name, func(t *testing.T) {
			logged := observeLogs(t)
			gateway := beattest.StartGateway(t, c.settings)
			f := newFixture(t, fmt.Sprintf(`proxy_url: "%s://me:%s@%s"`, c.scheme, password, gateway.Addr()), wstest.Start(t))
			err := f.client.Connect()
			require.ErrorContains(t, err, c.want)
			_, ok := errors.AsType[*conn.ProxyError](err)
			require.True(t, ok)
			if c.scheme != "http" {
				require.ErrorContains(t, err, "proxy "+gateway.Addr()+": ")
			}
			require.Equal(t, c.longest, retry.After(err, time.Now()).Longest)
			require.NotContains(t, err.Error()+logged()+f.client.String(), password)
		})
	}
}

func TestProxyTLSTrustsTheAuthoritiesOfTheSettings(t *testing.T) {
	server := wstest.Start(t)
	ca := beattest.NewCA(t)
	gateway := beattest.StartGateway(t, beattest.GatewaySettings{TLS: ca.Issue("127.0.0.1")})
	f := newFixture(t, fmt.Sprintf(`proxy_url: "https://%s"`, gateway.Addr()), server)
	require.ErrorContains(t, f.client.Connect(), "proxy "+gateway.Addr()+": TLS: ")
	f = newFixture(t, fmt.Sprintf(`{proxy_url: "https://%s", ssl.certificate_authorities: [%q]}`, gateway.Addr(), ca.File), server)
	f.publishes(t)
	// What is allowed of the server is not allowed of the proxy.
	f = newFixture(t, fmt.Sprintf(`{proxy_url: "https://%s", ssl.verification_mode: none}`, gateway.Addr()), server)
	require.ErrorContains(t, f.client.Connect(), "TLS: ")
}

func TestProxySettingsThatCanNotBeUsed(t *testing.T) {
	for yaml, want := range map[string]string{
		`proxy_url: "ftp://me:hunter2@p"`:                                                   `output.websocket.proxy_url: unknown scheme "ftp", known are http, https, socks5 and socks5h`,
		`proxy_url: "http://me:hunter2@"`:                                                   "output.websocket.proxy_url: has no host name",
		`proxy_url: "http://me:hunter2@p:port"`:                                             "output.websocket.proxy_url: is not a valid URL",
		`proxy_url: "http://me:%zzhunter2@p"`:                                               "output.websocket.proxy_url: is not a valid URL",
		`proxy_url: "http://:hunter2@p"`:                                                    "output.websocket.proxy_url: the user in the URL has no name",
		`proxy_url: "http://p:99999"`:                                                       `output.websocket.proxy_url: port "99999"`,
		`{proxy_url: "http://me:hunter2@p", proxy_disable: true}`:                           "output.websocket.proxy_url: does not go with proxy_disable: true",
		`{proxy_url: "socks5h://p", proxy_use_local_resolver: true}`:                        "output.websocket.proxy_use_local_resolver: does not go with socks5h",
		`{proxy_url: "socks5://p", proxy_headers: {X: hunter2}}`:                            "output.websocket.proxy_headers: are for http and https",
		`proxy_headers: {"X Y": hunter2}`:                                                   `output.websocket.proxy_headers: "X Y" is not a valid header name`,
		`proxy_headers: {Host: hunter2}`:                                                    "output.websocket.proxy_headers: Host belongs to CONNECT",
		"proxy_headers: {X: \"hunter2\\r\\n\"}":                                             "output.websocket.proxy_headers: the value of X contains a byte",
		`{proxy_url: "http://me:hunter2@p", proxy_headers: {proxy-authorization: hunter2}}`: "output.websocket.proxy_headers: proxy-authorization does not go with a user in proxy_url",
		`proxy_disable: 1`:                                                                  "output.websocket.proxy_disable: must be true or false",
	} {
		t.Run(yaml, func(t *testing.T) {
			cfg := configFrom(t, yaml)
			require.NoError(t, cfg.Merge(configFrom(t, `hosts: [h]`)))
			_, err := readConfig(cfg)
			require.ErrorContains(t, err, want)
			require.NotContains(t, err.Error(), "hunter2")
		})
	}
}

func TestProxyURLsAreCompleted(t *testing.T) {
	for text, want := range map[string]string{
		"proxy":                 "http://proxy:80",
		"proxy:3128":            "http://proxy:3128",
		"http://proxy/":         "http://proxy:80",
		"HTTPS://proxy":         "https://proxy:443",
		"socks5://u:p@[::1]":    "socks5://u:p@[::1]:1080",
		"socks5h://proxy?x=y#z": "socks5h://proxy:1080",
	} {
		u, err := endpoint.ParseProxy(text)
		require.NoError(t, err)
		require.Equal(t, want, u.String())
	}
}

// What a proxy repeats of its own secrets and of the server's is hidden.
func TestSecretsOfAProxyNeverShow(t *testing.T) {
	proxySecrets := []string{"pr0xy-pw", base64Of("me:pr0xy-pw"), "pr0xy-header", "pr0xy-token"}
	for _, secret := range proxySecrets {
		for name, answer := range map[string]string{
			"status":  "HTTP/1.1 403 " + secret + "\r\n\r\n",
			"garbage": secret + "\r\n\r\n",
			"header":  "HTTP/1.1 200 OK\r\n" + secret + "\r\n\r\n",
			"server":  "HTTP/1.1 200 OK\r\n\r\n" + "HTTP/1.1 401 " + secret + "\r\nContent-Length: 0\r\n\r\n",
		} {
			t.Run(name+" "+secret, func(t *testing.T) {
				logged := observeLogs(t)
				gateway := beattest.StartGateway(t, beattest.GatewaySettings{Answer: answering(answer)})
				f := newFixture(t, fmt.Sprintf(`{proxy_url: "http://me:pr0xy-pw@%s", proxy_headers: {X-Key: pr0xy-header}, bearer_token: pr0xy-token, connect_timeout: 1s}`, gateway.Addr()), wstest.Start(t))
				err := f.client.Connect()
				require.ErrorContains(t, err, "***")
				require.NotContains(t, err.Error()+logged()+f.client.String(), secret)
			})
		}
	}
}
