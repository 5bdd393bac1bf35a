// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// proxySecrets are what the dials through a proxy of these tests carry.
var proxySecrets = []string{"pr0xy-pa$$", base64.StdEncoding.EncodeToString([]byte("me:pr0xy-pa$$")), "site-secret"}

func testProxy(scheme string) *Proxy {
	return &Proxy{
		URL:    &url.URL{Scheme: scheme, Host: "proxy.test:3128", User: url.UserPassword("me", proxySecrets[0])},
		Header: http.Header{"X-Site": {proxySecrets[2]}},
	}
}

func TestAProxyThatRefusesSaysWhyInShortAndWithoutSecrets(t *testing.T) {
	for name, c := range map[string]struct {
		serve func(net.Conn)
		want  string // the whole text, if not empty
		holds []string
		code  int // of the ProxyError
		is    error
	}{
		"407":                   {serve: replying("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 3\r\n\r\nno!"), code: 407, want: "the proxy answered CONNECT with 407 Proxy Authentication Required"},
		"a 302":                 {serve: replying("HTTP/1.1 302 Found\r\nLocation: http://login.test/\r\n\r\n"), code: 302, want: "the proxy answered CONNECT with 302 Found"},
		"100 is not a tunnel":   {serve: replying("HTTP/1.1 100 Continue\r\n\r\n"), is: io.ErrUnexpectedEOF},
		"100 again and again":   {serve: endless("", "HTTP/1.1 100 Continue\r\n\r\n"), code: 100},
		"101 is not a tunnel":   {serve: replying("HTTP/1.1 101 Switching Protocols\r\n\r\n"), code: 101},
		"a status of 30 KB":     {serve: replying("HTTP/1.1 403 " + strings.Repeat("no ", 10000) + "\r\n\r\n"), code: 403, holds: []string{"403 no no"}},
		"an echo in the status": {serve: replying("HTTP/1.1 403 " + strings.Join(proxySecrets, " ") + "\r\n\r\n"), code: 403, want: "the proxy answered CONNECT with 403 *** *** ***"},
		"an echo in garbage":    {serve: replying(strings.Join(proxySecrets, " ") + "\r\n\r\n"), holds: []string{"proxy proxy.test:3128: answer to CONNECT: malformed HTTP", "***"}},
		"not HTTP":              {serve: replying("220 mail.example.com ESMTP\r\n"), holds: []string{"proxy proxy.test:3128: answer to CONNECT: malformed HTTP"}},
		"closed":                {serve: replying(""), is: io.ErrUnexpectedEOF},
		"closed in the header":  {serve: replying("HTTP/1.1 200 OK\r\nVia"), holds: []string{"malformed MIME header"}},
		"a header without end":  {serve: endless("HTTP/1.1 200 OK\r\n", "X-Filler: "+strings.Repeat("x", 1000)+"\r\n"), is: errProxyTooLong},
		"a line without end":    {serve: endless("HTTP/1.1 200 ", strings.Repeat("x", 1<<20)), is: errProxyTooLong},
	} {
		t.Run(name, func(t *testing.T) {
			options := answering(t, c.serve)
			options.Proxy = testProxy("http")
			_, err := Dial(t.Context(), options)
			require.Error(t, err)
			if c.want != "" {
				require.EqualError(t, err, c.want)
			}
			for _, text := range c.holds {
				require.ErrorContains(t, err, text)
			}
			if c.is != nil {
				require.ErrorIs(t, err, c.is)
			}
			var refused *ProxyError
			require.ErrorAs(t, err, &refused)
			require.Equal(t, c.code, refused.Code)
			require.Equal(t, "proxy.test:3128", refused.Address)
			require.LessOrEqual(t, len(err.Error()), 400)
			for _, secret := range proxySecrets {
				require.NotContains(t, err.Error()+refused.Error()+refused.Status, secret)
			}
		})
	}
}

func TestConnectIsWhatTheProxyIsAskedFor(t *testing.T) {
	requests := make(chan *http.Request, 2)
	options := answering(t, func(c net.Conn) {
		in := bufio.NewReader(c)
		for range 2 {
			request, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			requests <- request
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n") // which means nothing here
		}
	})
	options.Header, options.Proxy = secretHeader(), testProxy("http")
	_, err := Dial(t.Context(), options)
	require.Error(t, err)

	connect, upgrade := take(t, requests), take(t, requests)
	require.Equal(t, "CONNECT", connect.Method)
	require.Equal(t, "peer.test:80", connect.RequestURI)
	require.Equal(t, "peer.test:80", connect.Host)
	require.Equal(t, "Basic "+proxySecrets[1], connect.Header.Get("Proxy-Authorization"))
	require.Equal(t, proxySecrets[2], connect.Header.Get("X-Site"))
	require.Empty(t, connect.Header.Get("Authorization"), "that is the server's")
	require.Equal(t, "/", upgrade.RequestURI)
	require.Equal(t, secretHeader()["Authorization"], upgrade.Header["Authorization"])
	require.Empty(t, upgrade.Header.Get("Proxy-Authorization"), "that is the proxy's")
	require.Empty(t, upgrade.Header.Get("X-Site"))
	require.Equal(t, "Basic "+proxySecrets[1], options.Proxy.header().Get("Proxy-Authorization"))
	require.Empty(t, options.Proxy.Header.Get("Proxy-Authorization"), "not changed")
}

// A server may speak before it is spoken to, and its bytes come with the
// proxy's answer then.
func TestBytesBehindTheProxysAnswerBelongToTheTunnel(t *testing.T) {
	for _, split := range []int{0, 3, 8} {
		client, server := net.Pipe()
		go func() {
			defer func() { _ = server.Close() }()
			if _, err := http.ReadRequest(bufio.NewReader(server)); err == nil {
				_, _ = io.WriteString(server, "HTTP/1.1 200 OK\r\n\r\n"+"12345678"[:split])
				_, _ = io.WriteString(server, "12345678"[split:])
			}
		}()
		options := testOptions()
		options.Proxy, options.Addresses = testProxy("http"), &Addresses{}
		tunnel, socket, err := options.dialProxy(t.Context(), dialing(client), "peer.test:80", &progress{})
		require.NoError(t, err)
		require.Equal(t, client, socket)
		content, err := io.ReadAll(tunnel)
		require.NoError(t, err)
		require.Equal(t, "12345678", string(content))
		require.NoError(t, tunnel.Close())
	}
}

func TestAProxyThatHangsEndsWithConnectTimeoutOrCancel(t *testing.T) {
	silent := func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }
	for name, c := range map[string]struct {
		proxy *Proxy
		serve func(net.Conn)
	}{
		"before it reads":      {testProxy("http"), func(c net.Conn) { _, _ = c.Read(make([]byte, 1)); silent(c) }},
		"before the answer":    {testProxy("http"), silent},
		"in the answer":        {testProxy("http"), func(c net.Conn) { replying("HTTP/1.1 200 O")(c); silent(c) }},
		"behind the answer":    {testProxy("http"), func(c net.Conn) { replying("HTTP/1.1 200 OK\r\n\r\n")(c); silent(c) }},
		"in TLS to the proxy":  {&Proxy{URL: testProxy("https").URL, TLS: &tls.Config{ServerName: "proxy.test", MinVersion: tls.VersionTLS12}}, silent},
		"in SOCKS5's greeting": {&Proxy{URL: testProxy("socks5").URL}, silent},
		"in SOCKS5's connect":  {&Proxy{URL: &url.URL{Scheme: "socks5", Host: "proxy.test:1080"}}, func(c net.Conn) { _, _ = c.Read(make([]byte, 3)); _, _ = c.Write([]byte{5, 0}); silent(c) }},
	} {
		t.Run(name, func(t *testing.T) {
			options := answering(t, c.serve)
			options.Proxy, options.ConnectTimeout = c.proxy, 50*time.Millisecond
			begun := time.Now()
			_, err := Dial(t.Context(), options)
			require.Less(t, time.Since(begun), patience/2)
			require.ErrorContains(t, err, "not connected within connect_timeout (50ms)")
			if name != "behind the answer" {
				require.ErrorContains(t, err, "proxy proxy.test:")
			}

			options = answering(t, c.serve)
			options.Proxy = c.proxy
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			_, err = Dial(ctx, options)
			require.ErrorIs(t, err, context.Canceled)
		})
	}
}

func TestADialToAProxyThatIsNotThereNamesIt(t *testing.T) {
	for _, scheme := range []string{"http", "https", "socks5", "socks5h"} {
		options := testOptions()
		options.Proxy = &Proxy{URL: testProxy(scheme).URL}
		options.Dial = func(_ context.Context, _, address string) (net.Conn, error) {
			require.Equal(t, "proxy.test:3128", address)
			return nil, errors.New("connection refused")
		}
		_, err := Dial(t.Context(), options)
		require.ErrorContains(t, err, "proxy proxy.test:3128: ")
		require.ErrorContains(t, err, "connection refused")
		require.NotContains(t, err.Error(), proxySecrets[0])
	}
}
