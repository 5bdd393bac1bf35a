// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
)

// serveTLS serves a Handler by TLS until the test ends.
func serveTLS(t testing.TB, config *tls.Config, handler http.Handler) string {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Listener = tls.NewListener(server.Listener, config)
	server.Config.ErrorLog = nil
	server.Start()
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// handshake returns what the server showed of itself.
func handshake(t testing.TB, address string, config *tls.Config) (tls.ConnectionState, error) {
	t.Helper()
	dialer := tls.Dialer{Config: config}
	raw, err := dialer.DialContext(t.Context(), "tcp", address)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer raw.Close() //nolint:errcheck // only the handshake counts
	conn, ok := raw.(*tls.Conn)
	require.True(t, ok)
	// With TLS 1.3 the client learns that its certificate was refused when it reads.
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(5*time.Second)))
	if _, err = conn.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")); err != nil {
		return tls.ConnectionState{}, err
	}
	if _, err = conn.Read(make([]byte, 1)); err != nil {
		return tls.ConnectionState{}, err
	}
	return conn.ConnectionState(), nil
}

func TestATLSServer(t *testing.T) {
	ca := beattest.NewCA(t)
	folder := t.TempDir()
	certificate, key := beattest.WriteKeyPair(t, folder, ca.Issue("127.0.0.1"), "")
	var said []error
	config, err := NewTLSConfig(TLSFiles{Certificate: certificate, Key: key, OnError: func(err error) { said = append(said, err) }})
	require.NoError(t, err)
	address := serveTLS(t, config, http.NotFoundHandler())
	client := func() *tls.Config { return &tls.Config{RootCAs: ca.Pool(), NextProtos: []string{"h2", "http/1.1"}} }

	t.Run("does not offer HTTP/2, nor TLS 1.1", func(t *testing.T) {
		state, err := handshake(t, address, client())
		require.NoError(t, err)
		require.Equal(t, "http/1.1", state.NegotiatedProtocol)
		old := client()
		old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
		_, err = handshake(t, address, old)
		require.ErrorContains(t, err, "protocol version")
	})
	t.Run("uses a certificate that was renewed, and keeps the old one if that can't be used", func(t *testing.T) {
		renewed, renewedKey := beattest.WriteKeyPair(t, t.TempDir(), ca.IssueAs(func(template *x509.Certificate) {
			template.Subject.CommonName, template.IPAddresses = "renewed", []net.IP{net.IPv4(127, 0, 0, 1)}
		}), "")
		name := func() string {
			state, err := handshake(t, address, client())
			require.NoError(t, err)
			return state.PeerCertificates[0].Subject.CommonName
		}
		require.Equal(t, "127.0.0.1", name())
		require.NoError(t, os.Rename(renewed, certificate))
		require.Equal(t, "127.0.0.1", name(), "the key is not there yet")
		require.Len(t, said, 1)
		require.ErrorContains(t, said[0], certificate)
		require.NoError(t, os.Rename(renewedKey, key))
		require.Equal(t, "renewed", name())
		require.NoError(t, os.WriteFile(certificate, []byte("nothing"), 0o600))
		require.Equal(t, "renewed", name())
		require.Len(t, said, 2)
	})
}

func TestATLSServerThatWantsCertificatesOfClients(t *testing.T) {
	ca, stranger := beattest.NewCA(t), beattest.NewCA(t)
	folder := t.TempDir()
	certificate, key := beattest.WriteKeyPair(t, folder, ca.Issue("127.0.0.1"), "")
	config, err := NewTLSConfig(TLSFiles{Certificate: certificate, Key: key, ClientCA: ca.File})
	require.NoError(t, err)
	address := serveTLS(t, config, http.NotFoundHandler())
	for name, test := range map[string]struct {
		certificates []tls.Certificate
		ok           bool
	}{
		"none":                 {nil, false},
		"one of its authority": {[]tls.Certificate{*ca.Issue("192.0.2.1")}, true},
		"one of another":       {[]tls.Certificate{*stranger.Issue("192.0.2.1")}, false},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := handshake(t, address, &tls.Config{RootCAs: ca.Pool(), Certificates: test.certificates})
			require.Equal(t, test.ok, err == nil, "%v", err)
		})
	}
}

func TestNewTLSConfigNamesTheFile(t *testing.T) {
	ca := beattest.NewCA(t)
	folder := t.TempDir()
	certificate, key := beattest.WriteKeyPair(t, folder, ca.Issue("127.0.0.1"), "")
	none := filepath.Join(folder, "none")
	for want, files := range map[string]TLSFiles{
		"have to be set together":              {Certificate: certificate},
		"key " + none:                          {Certificate: certificate, Key: none},
		"certificate " + none:                  {Certificate: none, Key: key},
		"client CA: open " + none:              {Certificate: certificate, Key: key, ClientCA: none},
		"client CA: no certificate in " + key:  {Certificate: certificate, Key: key, ClientCA: key},
		"certificate " + key + ", key " + none: {Certificate: key, Key: none},
	} {
		_, err := NewTLSConfig(files)
		require.ErrorContains(t, err, want)
	}
}
