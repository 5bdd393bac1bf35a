// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/elastic/elastic-agent-libs/transport/tlscommon"

	"filebeat-websocket/testing/beattest"
	"filebeat-websocket/testing/wstest"
)

func TestRenewedAuthorityIsUsedByTheNextDial(t *testing.T) {
	ca := beattest.NewCA(t)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{*ca.Issue("127.0.0.1")}})
	require.NoError(t, err)
	server := wstest.Start(t, wstest.WithListener(listener))
	_, port, err := net.SplitHostPort(server.Addr())
	require.NoError(t, err)

	file := filepath.Join(t.TempDir(), "authorities.pem")
	write := func(authority string) {
		pem, err := os.ReadFile(authority)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(file, pem, 0o600))
	}
	write(beattest.NewCA(t).File)
	f := newFixture(t, fmt.Sprintf(`{hosts: ["wss://127.0.0.1:%s"], ssl.certificate_authorities: [%q]}`, port, file))
	require.ErrorContains(t, f.client.Connect(), "certificate")
	write(ca.File)
	require.NoError(t, f.client.Connect())

	require.NoError(t, os.Remove(file))
	require.ErrorContains(t, f.client.Connect(), "output.websocket.ssl: ")
}

// startTLS starts a server with TLS, and returns its port.
func startTLS(t *testing.T, settings *tls.Config) (server *wstest.Server, port string) {
	t.Helper()
	settings.MinVersion = max(settings.MinVersion, tls.VersionTLS12)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", settings)
	require.NoError(t, err)
	server = wstest.Start(t, wstest.WithListener(listener))
	_, port, err = net.SplitHostPort(server.Addr())
	require.NoError(t, err)
	return server, port
}

func serverCertificate(certificate *tls.Certificate) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{*certificate}}
}

// Every failure is one error, which libbeat logs: it has the cause and what to
// set.
func TestAFailureOfTLSSaysWhyAndWhatToSet(t *testing.T) {
	ca, other := beattest.NewCA(t), beattest.NewCA(t)
	good := ca.Issue("127.0.0.1")
	ofOther, keyOfOther := beattest.WriteKeyPair(t, t.TempDir(), other.Issue("127.0.0.1"), "")
	expiredClient := ca.IssueAs(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
	ofExpired, keyOfExpired := beattest.WriteKeyPair(t, t.TempDir(), expiredClient, "")
	demanding := func(version uint16) *tls.Config {
		settings := serverCertificate(good)
		settings.MinVersion, settings.MaxVersion = version, version
		settings.ClientAuth, settings.ClientCAs = tls.RequireAndVerifyClientCert, ca.Pool()
		return settings
	}
	trusted := fmt.Sprintf("ssl.certificate_authorities: [%q]", ca.File)
	for name, c := range map[string]struct {
		server *tls.Config
		ssl    string
		cause  string
		set    string
	}{
		"an unknown authority": {
			serverCertificate(good), "", "certificate signed by unknown authority", "; set ssl.certificate_authorities",
		},
		"another authority": {
			serverCertificate(good), fmt.Sprintf("ssl.certificate_authorities: [%q]", other.File),
			"certificate signed by unknown authority", "; set ssl.certificate_authorities",
		},
		"another authority, strictly": {
			serverCertificate(good), fmt.Sprintf("ssl: {certificate_authorities: [%q], verification_mode: strict}", other.File),
			"certificate signed by unknown authority", "; set ssl.certificate_authorities",
		},
		"another authority, whatever the name": {
			serverCertificate(good), fmt.Sprintf("ssl: {certificate_authorities: [%q], verification_mode: certificate}", other.File),
			"certificate signed by unknown authority", "; set ssl.certificate_authorities",
		},
		"another fingerprint": {
			serverCertificate(good), "ssl.ca_trusted_fingerprint: " + fingerprint(other),
			"certificate signed by unknown authority", "or ssl.ca_trusted_fingerprint",
		},
		"another pin": {
			serverCertificate(good), fmt.Sprintf("ssl: {certificate_authorities: [%q], ca_sha256: [%q]}", ca.File, tlscommon.Fingerprint(other.Certificate())),
			"pins doesn't match", "; set ssl.ca_sha256",
		},
		"expired": {
			serverCertificate(ca.IssueAs(func(c *x509.Certificate) {
				c.NotAfter, c.IPAddresses = time.Now().Add(-time.Minute), []net.IP{net.IPv4(127, 0, 0, 1)}
			})), trusted, "certificate has expired or is not yet valid", "; renew the server's certificate, or correct the clock of this machine",
		},
		"another address": {serverCertificate(ca.Issue("192.0.2.1")), trusted, "x509: certificate is valid for 192.0.2.1, not 127.0.0.1", "; use a name from the server's certificate in hosts"},
		"a name and no address, strictly": {
			serverCertificate(ca.IssueAs(func(c *x509.Certificate) { c.DNSNames = []string{"logs.example.com"} })),
			fmt.Sprintf("ssl: {certificate_authorities: [%q], verification_mode: strict}", ca.File),
			"cannot validate certificate for 127.0.0.1", "; use a name from the server's certificate in hosts",
		},
		"the common name only, strictly": {
			serverCertificate(ca.IssueAs(func(c *x509.Certificate) { c.Subject.CommonName = "127.0.0.1" })),
			fmt.Sprintf("ssl: {certificate_authorities: [%q], verification_mode: strict}", ca.File),
			"certificate relies on legacy Common Name field", "; use a name from the server's certificate in hosts",
		},
		"no client certificate, TLS 1.3": {demanding(tls.VersionTLS13), trusted, "remote error: tls: certificate required", "; the server requires a client certificate: set ssl.certificate and ssl.key"},
		"no client certificate, TLS 1.2": {demanding(tls.VersionTLS12), trusted, "remote error: tls: ", "requires a client certificate: set ssl.certificate and ssl.key"},
		"a client certificate of another authority, TLS 1.3": {
			demanding(tls.VersionTLS13), fmt.Sprintf("%s\nssl.certificate: %q\nssl.key: %q", trusted, ofOther, keyOfOther),
			"remote error: tls: ", "",
		},
		"an expired client certificate": {
			demanding(tls.VersionTLS13), fmt.Sprintf("%s\nssl.certificate: %q\nssl.key: %q", trusted, ofExpired, keyOfExpired),
			"remote error: tls: expired certificate", "; the server refuses the client certificate: set ssl.certificate and ssl.key to a certificate that it trusts",
		},
		"no version in common": {
			&tls.Config{Certificates: []tls.Certificate{*good}, MinVersion: tls.VersionTLS13}, trusted + "\nssl.supported_protocols: [TLSv1.2]",
			"remote error: tls: protocol version not supported", "; client and server have no TLS version in common: set ssl.supported_protocols",
		},
		"no cipher in common": {
			&tls.Config{Certificates: []tls.Certificate{*good}, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384}},
			trusted + "\nssl.cipher_suites: [ECDHE-ECDSA-AES-128-GCM-SHA256]\nssl.supported_protocols: [TLSv1.2]",
			"remote error: tls: handshake failure", "see ssl.cipher_suites and ssl.curve_types",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, port := startTLS(t, c.server)
			f := newFixture(t, fmt.Sprintf("hosts: [\"wss://127.0.0.1:%s\"]\n%s", port, c.ssl))
			err := f.client.Connect()
			require.ErrorContains(t, err, c.cause)
			require.ErrorContains(t, err, c.set)
			require.LessOrEqual(t, len(err.Error()), 400)
			require.NotContains(t, err.Error(), "\n")
		})
	}
	t.Run("no TLS at all", func(t *testing.T) {
		page := httptest.NewServer(http.NotFoundHandler())
		defer page.Close()
		err := newFixture(t, fmt.Sprintf(`hosts: ["wss://%s"]`, page.Listener.Addr())).client.Connect()
		require.ErrorContains(t, err, "first record does not look like a TLS handshake; the server does not speak TLS on this port: use ws instead of wss")
	})
	t.Run("closed by the server", func(t *testing.T) {
		server := wstest.Start(t)
		err := newFixture(t, fmt.Sprintf(`hosts: ["wss://%s"]`, server.Addr())).client.Connect()
		require.EqualError(t, err, "TLS: EOF; the server closed the connection during the handshake: does it speak TLS on this port?")
	})
	t.Run("TLS where none was expected", func(t *testing.T) {
		server := wstest.Start(t, wstest.WithFaults(wstest.Fault{NotHTTP: []byte("\x15\x03\x01\x00\x02\x02\x28")})) // an alert
		require.ErrorContains(t, newFixture(t, ``, server).client.Connect(), "; the server speaks TLS on this port: use wss instead of ws")
	})
}

func fingerprint(ca *beattest.CA) string {
	sum := sha256.Sum256(ca.Certificate().Raw)
	return hex.EncodeToString(sum[:])
}

func TestEverySettingOfTLSWorks(t *testing.T) {
	ca := beattest.NewCA(t)
	good := ca.Issue("127.0.0.1")
	elsewhere := ca.IssueAs(func(c *x509.Certificate) { c.DNSNames = []string{"elsewhere.example"} })
	folder := t.TempDir()
	certified, key := beattest.WriteKeyPair(t, folder, ca.IssueAs(func(c *x509.Certificate) { c.Subject.CommonName = "agent" }), "")
	_, encrypted := beattest.WriteKeyPair(t, t.TempDir(), good, "pass phrase")
	ofEncrypted := filepath.Join(filepath.Dir(encrypted), "certificate.pem")
	passphrase := filepath.Join(folder, "passphrase")
	require.NoError(t, os.WriteFile(passphrase, []byte("pass phrase"), 0o600))
	inline := func(file string) string {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		return fmt.Sprintf("%q", content)
	}
	mutual := func() *tls.Config {
		return &tls.Config{Certificates: []tls.Certificate{*good}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ca.Pool()}
	}
	var seen tls.ConnectionState
	for name, c := range map[string]struct {
		server *tls.Config
		ssl    string
		check  func(t *testing.T)
	}{
		"full":                        {serverCertificate(good), `{certificate_authorities: [CA]}`, nil},
		"strict":                      {serverCertificate(good), `{certificate_authorities: [CA], verification_mode: strict}`, nil},
		"certificate":                 {serverCertificate(elsewhere), `{certificate_authorities: [CA], verification_mode: certificate}`, nil},
		"none":                        {serverCertificate(elsewhere), `{verification_mode: none}`, nil},
		"full, the common name":       {serverCertificate(ca.IssueAs(func(c *x509.Certificate) { c.Subject.CommonName = "127.0.0.1" })), `{certificate_authorities: [CA]}`, nil},
		"an authority in the text":    {serverCertificate(good), `{certificate_authorities: [` + inline(ca.File) + `]}`, nil},
		"a fingerprint":               {serverCertificate(good), `{ca_trusted_fingerprint: ` + fingerprint(ca) + `}`, nil},
		"a pin":                       {serverCertificate(good), `{certificate_authorities: [CA], ca_sha256: ["` + tlscommon.Fingerprint(ca.Certificate()) + `"]}`, nil},
		"a pin, strictly":             {serverCertificate(good), `{certificate_authorities: [CA], verification_mode: strict, ca_sha256: ["` + tlscommon.Fingerprint(ca.Certificate()) + `"]}`, nil},
		"a client certificate":        {mutual(), fmt.Sprintf(`{certificate_authorities: [CA], certificate: %q, key: %q}`, certified, key), nil},
		"a client certificate inline": {mutual(), fmt.Sprintf(`{certificate_authorities: [CA], certificate: %s, key: %s}`, inline(certified), inline(key)), nil},
		"an encrypted key":            {mutual(), fmt.Sprintf(`{certificate_authorities: [CA], certificate: %q, key: %q, key_passphrase: pass phrase}`, ofEncrypted, encrypted), nil},
		"a passphrase in a file":      {mutual(), fmt.Sprintf(`{certificate_authorities: [CA], certificate: %q, key: %q, key_passphrase_path: %q}`, ofEncrypted, encrypted, passphrase), nil},
		"a version": {serverCertificate(good), `{certificate_authorities: [CA], supported_protocols: [TLSv1.2]}`, func(t *testing.T) {
			require.EqualValues(t, tls.VersionTLS12, seen.Version)
		}},
		"the newest version": {serverCertificate(good), `{certificate_authorities: [CA]}`, func(t *testing.T) {
			require.EqualValues(t, tls.VersionTLS13, seen.Version)
		}},
		"a cipher suite": {serverCertificate(good), `{certificate_authorities: [CA], supported_protocols: [TLSv1.2], cipher_suites: [ECDHE-ECDSA-AES-256-GCM-SHA384]}`, func(t *testing.T) {
			require.Equal(t, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, seen.CipherSuite)
		}},
		"a curve": {serverCertificate(good), `{certificate_authorities: [CA], curve_types: [P-384]}`, func(t *testing.T) {
			require.Equal(t, tls.CurveP384, seen.CurveID)
		}},
		"renegotiation": {serverCertificate(good), `{certificate_authorities: [CA], renegotiation: freely}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			c.server.VerifyConnection = func(state tls.ConnectionState) error {
				seen = state
				return nil
			}
			_, port := startTLS(t, c.server)
			f := newFixture(t, fmt.Sprintf("{hosts: [\"wss://127.0.0.1:%s\"], ssl: %s}", port, strings.ReplaceAll(c.ssl, "[CA]", fmt.Sprintf("[%q]", ca.File))))
			f.publishes(t)
			if c.check != nil {
				c.check(t)
			}
		})
	}
}

func TestTheServersNameIsSentInTheHandshake(t *testing.T) {
	ca := beattest.NewCA(t)
	names := make(chan string, 1)
	settings := serverCertificate(ca.IssueAs(func(c *x509.Certificate) { c.DNSNames = []string{"localhost"} }))
	settings.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if len(hello.SupportedProtos) > 0 {
			return nil, errors.New("ALPN has no place in a WebSocket's handshake: h2 would be picked")
		}
		names <- hello.ServerName
		return nil, nil
	}
	_, port := startTLS(t, settings)
	f := newFixture(t, fmt.Sprintf(`{hosts: ["wss://localhost:%s"], ssl.certificate_authorities: [%q]}`, port, ca.File))
	f.publishes(t)
	require.Equal(t, "localhost", <-names)
}

// The certificate of this side and its key are replaced on disk; the server stops
// to accept the old one.
func TestRenewedClientCertificateIsUsedByTheNextDial(t *testing.T) {
	ca := beattest.NewCA(t)
	folder := t.TempDir()
	issue := func(name string) (certificateFile, keyFile string) {
		return beattest.WriteKeyPair(t, folder, ca.IssueAs(func(c *x509.Certificate) { c.Subject.CommonName = name }), "")
	}
	certificate, key := issue("old")
	var accepted, seen string
	accepted = "old"
	settings := serverCertificate(ca.Issue("127.0.0.1"))
	settings.ClientAuth, settings.ClientCAs = tls.RequireAndVerifyClientCert, ca.Pool()
	settings.VerifyConnection = func(state tls.ConnectionState) error {
		seen = state.PeerCertificates[0].Subject.CommonName
		if seen != accepted {
			return errors.New("revoked")
		}
		return nil
	}
	_, port := startTLS(t, settings)
	f := newFixture(t, fmt.Sprintf(`{hosts: ["wss://127.0.0.1:%s"], ssl: {certificate_authorities: [%q], certificate: %q, key: %q}}`, port, ca.File, certificate, key))
	f.publishes(t)
	require.Equal(t, "old", seen)

	accepted = "new"
	require.ErrorContains(t, f.client.Connect(), "; the server refuses the client certificate: set ssl.certificate and ssl.key to a certificate that it trusts")
	issue("new")
	f.publishes(t)
	require.Equal(t, "new", seen)
}

func TestFilesOfTLSThatCanNotBeUsedAreErrorsWithoutTheKey(t *testing.T) {
	ca := beattest.NewCA(t)
	certificate, encrypted := beattest.WriteKeyPair(t, t.TempDir(), ca.Issue("127.0.0.1"), "hunter2")
	key, err := os.ReadFile(encrypted)
	require.NoError(t, err)
	body := strings.Split(string(key), "\n")[4]
	for name, c := range map[string]struct{ ssl, want string }{
		"no such file":          {`{certificate_authorities: ["/no/such/file"]}`, "no such file"},
		"no passphrase":         {fmt.Sprintf(`{certificate: %q, key: %q}`, certificate, encrypted), "is ssl.key_passphrase missing or wrong?"},
		"no passphrase, inline": {fmt.Sprintf(`{certificate: %q, key: %q}`, certificate, key), "no PEM blocks (in the settings); is ssl.key_passphrase missing or wrong?"},
		"a wrong passphrase":    {fmt.Sprintf(`{certificate: %q, key: %q, key_passphrase: hunter3}`, certificate, encrypted), "output.websocket.ssl: "},
		"a certificate alone":   {fmt.Sprintf(`{certificate: %q}`, certificate), "key"},
		"no such mode":          {`{verification_mode: some}`, "verification_mode"},
		"no such version":       {`{supported_protocols: [TLSv9]}`, "TLSv9"},
		"no such curve":         {`{curve_types: [P-1]}`, "P-1"},
	} {
		t.Run(name, func(t *testing.T) {
			logged := observeLogs(t)
			cfg := configFrom(t, fmt.Sprintf("{hosts: [\"wss://h\"], ssl: %s}", c.ssl))
			settings, err := readConfig(cfg)
			if err == nil {
				_, err = loadTLS(settings.TLS.common())
			}
			require.ErrorContains(t, err, "output.websocket.ssl: ")
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error()+logged(), "hunter")
			require.NotContains(t, err.Error()+logged(), body)
		})
	}
}
