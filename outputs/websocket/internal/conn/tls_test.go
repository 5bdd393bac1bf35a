// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// tlsServer answers with an upgrade, over TLS with httptest's certificate, and
// then does what serve does.
func tlsServer(t *testing.T, serve func(net.Conn)) (address *url.URL, roots *x509.CertPool) {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hijack, ok := w.(http.Hijacker)
		if !ok {
			return
		}
		c, _, err := hijack.Hijack()
		if err != nil {
			return
		}
		defer func() { _ = c.Close() }()
		_, _ = io.WriteString(c, switching(r.Header.Get("Sec-Websocket-Key")))
		serve(c)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes that have to fail
	server.StartTLS()
	t.Cleanup(server.Close)
	roots = x509.NewCertPool()
	roots.AddCert(server.Certificate())
	return &url.URL{Scheme: "wss", Host: server.Listener.Addr().String(), Path: "/"}, roots
}

func TestTLS(t *testing.T) {
	ended := make(chan struct{})
	address, roots := tlsServer(t, func(c net.Conn) {
		_, _ = c.Write(serverFrame(opPong, "over TLS"))
		_, _ = io.Copy(io.Discard, c)
		close(ended)
	})
	for name, c := range map[string]struct {
		config *tls.Config
		fails  string
	}{
		"an unknown CA":               {&tls.Config{ServerName: "example.com"}, "TLS: tls: failed to verify certificate: x509: certificate signed by unknown authority"},
		"a certificate for another":   {&tls.Config{ServerName: "other.test", RootCAs: roots}, "TLS: tls: failed to verify certificate: x509: certificate is valid for example.com"},
		"no configuration of it":      {nil, "TLS: "},
		"a version that is no longer": {&tls.Config{ServerName: "example.com", RootCAs: roots, MaxVersion: tls.VersionTLS11}, "TLS: "},
	} {
		t.Run(name, func(t *testing.T) {
			options := testOptions()
			options.URL, options.TLS, options.Header = address, c.config, secretHeader()
			_, err := Dial(t.Context(), options)
			require.ErrorContains(t, err, c.fails)
			require.LessOrEqual(t, len(err.Error()), 400)
		})
	}
	t.Run("a certificate that is known", func(t *testing.T) {
		options := testOptions()
		options.URL = address
		options.TLS = &tls.Config{ServerName: "example.com", RootCAs: roots, MinVersion: tls.VersionTLS12}
		c, err := Dial(t.Context(), options)
		require.NoError(t, err)
		in := reading(t, c)
		require.Equal(t, "over TLS", take(t, in.pongs))
		c.Cut()
		require.ErrorIs(t, take(t, in.ended), net.ErrClosed)
		take(t, ended)
	})
}

func TestCutIsAtOnceOverTLSToo(t *testing.T) {
	certified := httptest.NewTLSServer(nil)
	certified.Close()
	options := answering(t, func(pipe net.Conn) {
		secured := tls.Server(pipe, &tls.Config{Certificates: certified.TLS.Certificates, MinVersion: tls.VersionTLS12})
		request, err := http.ReadRequest(bufio.NewReader(secured))
		if err != nil {
			return
		}
		_, _ = io.WriteString(secured, switching(request.Header.Get("Sec-Websocket-Key")))
		<-t.Context().Done() // reads nothing
	})
	roots := x509.NewCertPool()
	roots.AddCert(certified.Certificate())
	options.URL = &url.URL{Scheme: "wss", Host: "example.com:443", Path: "/"}
	options.TLS = &tls.Config{ServerName: "example.com", RootCAs: roots, MinVersion: tls.VersionTLS12}
	c, err := Dial(t.Context(), options)
	require.NoError(t, err)
	in := reading(t, c)
	begun := time.Now()
	c.Cut() // TLS's goodbye would wait 5 s for a reader
	require.Less(t, time.Since(begun), 4*time.Second)
	require.Error(t, take(t, in.ended))
}
