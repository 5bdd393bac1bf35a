// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
)

// observing returns what an observer of the options is told.
func observing(options *Options) *[]string {
	told := &[]string{}
	options.Observe = func(step, detail string, err error) {
		text := step + ": " + detail
		if err != nil {
			text += err.Error()
		}
		*told = append(*told, text)
	}
	return told
}

func TestTheStepsOfADialAreTold(t *testing.T) {
	const switched = "upgrade: 101 Switching Protocols"
	address, roots := tlsServer(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	overTLS := testOptions()
	overTLS.URL, overTLS.TLS = address, &tls.Config{ServerName: "example.com", RootCAs: roots, MinVersion: tls.VersionTLS13}
	unknown := overTLS
	unknown.TLS = &tls.Config{ServerName: "example.com", MinVersion: tls.VersionTLS13}
	local := func(serve func(net.Conn)) Options {
		options := answering(t, serve)
		options.URL = &url.URL{Scheme: "ws", Host: "127.0.0.1:80", Path: "/"}
		return options
	}
	throughProxy := local(replying("HTTP/1.1 403 Forbidden\r\n\r\n"))
	throughProxy.Proxy = &Proxy{URL: &url.URL{Scheme: "http", Host: "127.0.0.2:3128"}}
	nobody := testOptions()
	nobody.URL = &url.URL{Scheme: "ws", Host: "127.0.0.1:80", Path: "/"}
	nobody.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("refused") }
	noName := testOptions()
	noName.Resolve = nil
	noName.URL = &url.URL{Scheme: "ws", Host: "no-such-host.invalid:80", Path: "/"}
	for name, c := range map[string]struct {
		options Options
		want    []string // beginnings
	}{
		"TLS":                {overTLS, []string{"resolve 127.0.0.1: 127.0.0.1", "dial 127.0.0.1:", "TLS: TLS 1.3, TLS_", switched}},
		"TLS that fails":     {unknown, []string{"resolve", "dial", "TLS: TLS: tls: failed to verify certificate"}},
		"refused":            {nobody, []string{"resolve", "dial 127.0.0.1:80: refused"}},
		"an unknown name":    {noName, []string{"resolve no-such-host.invalid: lookup no-such-host.invalid"}},
		"a proxy's refusal":  {throughProxy, []string{"resolve 127.0.0.2: 127.0.0.2", "dial 127.0.0.2:3128: 127.0.0.2:3128", "proxy http://127.0.0.2:3128 to 127.0.0.1:80: the proxy answered CONNECT with 403"}},
		"a server's refusal": {local(replying("HTTP/1.1 403 Forbidden\r\n\r\n")), []string{"resolve", "dial", "upgrade: the server answered the upgrade with 403 Forbidden"}},
	} {
		t.Run(name, func(t *testing.T) {
			told := observing(&c.options)
			conn, err := Dial(t.Context(), c.options)
			if err == nil {
				conn.Cut()
			} else {
				require.True(t, strings.HasSuffix((*told)[len(*told)-1], err.Error()), "the last step has the error of Dial: %q", *told)
			}
			require.Len(t, *told, len(c.want), "%q", *told)
			for i, want := range c.want {
				require.True(t, strings.HasPrefix((*told)[i], want), "%q does not begin with %q", (*told)[i], want)
			}
		})
	}
}

func TestWhatToDoIsAddedToAnError(t *testing.T) {
	explain := func(error) string { return "do this" }
	options := answering(t, replying("220 mail.example.com ESMTP\r\n"))
	options.Explain = explain
	_, err := Dial(t.Context(), options)
	require.ErrorContains(t, err, "malformed HTTP")
	require.ErrorContains(t, err, "; do this")

	options = answering(t, replying("220 mail.example.com ESMTP\r\n"))
	options.Explain, options.Proxy = explain, testProxy("http")
	_, err = Dial(t.Context(), options)
	require.ErrorContains(t, err, "malformed HTTP")
	require.ErrorContains(t, err, "; do this", "of the proxy's, too")

	options = answering(t, replying("220 mail.example.com ESMTP\r\n"))
	options.Explain = func(error) string { return "" }
	_, err = Dial(t.Context(), options)
	require.NotContains(t, err.Error(), ";")
}

func TestSecretsThatDoNotGoOutAreHiddenToo(t *testing.T) {
	options := answering(t, replying("HTTP/1.1 403 Forbidden\r\n\r\nyou know s3cr3t-key and czNjcjN0LWtleQ=="))
	options.Secrets = []string{"s3cr3t-key", ""}
	_, err := Dial(t.Context(), options)
	require.EqualError(t, err, `the server answered the upgrade with 403 Forbidden: "you know *** and ***"`)
}

// deafAfterTLS fails every write once the handshake is over, as a socket does
// whose peer has closed the connection.
type deafAfterTLS struct {
	net.Conn
	deaf bool
}

func (d *deafAfterTLS) Write(p []byte) (int, error) {
	const applicationData = 23
	if d.deaf || p[0] == applicationData && len(p) > 200 {
		d.deaf = true
		return 0, errors.New("broken pipe")
	}
	return d.Conn.Write(p)
}

// With TLS 1.3 a server may have refused the client's certificate and closed
// before the upgrade request is written. Its alert says more than the write.
func TestAnAlertBeforeTheRequestIsWrittenIsTheCause(t *testing.T) {
	client, server := tcpPair(t)
	go func() {
		secured := tls.Server(server, demandingConfig(t))
		_ = secured.HandshakeContext(t.Context())
		_ = secured.Close()
	}()
	options := testOptions()
	options.URL = &url.URL{Scheme: "wss", Host: "127.0.0.1:443", Path: "/"}
	options.TLS = &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13}
	options.Dial = dialing(&deafAfterTLS{Conn: client})
	_, err := Dial(t.Context(), options)
	require.ErrorContains(t, err, "remote error: tls: certificate required")
}

// demandingConfig is that of a server that wants a client certificate.
func demandingConfig(t *testing.T) *tls.Config {
	t.Helper()
	issued := beattest.NewCA(t).Issue("127.0.0.1")
	return &tls.Config{Certificates: []tls.Certificate{*issued}, ClientAuth: tls.RequireAnyClientCert, MinVersion: tls.VersionTLS13}
}
