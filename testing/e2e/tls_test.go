// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
)

// failureLines returns the lines of the log about connects that failed.
func failureLines(log string) (lines []string) {
	for line := range strings.Lines(log) {
		if strings.Contains(line, `"message":"Failed to connect`) {
			lines = append(lines, line)
		}
	}
	return lines
}

func TestAFailureOfTLSIsOneLineWithTheCauseAndWhatToSet(t *testing.T) {
	ca := beattest.NewCA(t)
	good := ca.Issue("127.0.0.1")
	serverOf := func(certificate *tls.Certificate) *tls.Config {
		return &tls.Config{Certificates: []tls.Certificate{*certificate}}
	}
	demanding := func(version uint16) *tls.Config {
		return &tls.Config{
			Certificates: []tls.Certificate{*good}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ca.Pool(),
			MinVersion: version, MaxVersion: version,
		}
	}
	for name, c := range map[string]struct {
		server     *tls.Config
		ca         string
		cause, set string
	}{
		"unknown authority": {serverOf(good), beattest.NewCA(t).File, "certificate signed by unknown authority", "set ssl.certificate_authorities"},
		"expired": {serverOf(ca.IssueAs(func(c *x509.Certificate) {
			c.NotAfter, c.IPAddresses = time.Now().Add(-time.Minute), []net.IP{net.IPv4(127, 0, 0, 1)}
		})), ca.File, "certificate has expired", "renew the server's certificate"},
		"another name":                    {serverOf(ca.Issue("192.0.2.1")), ca.File, "certificate is valid for 192.0.2.1, not 127.0.0.1", "use a name from the server's certificate in hosts"},
		"no client certificate, TLS 1.3":  {demanding(tls.VersionTLS13), ca.File, "tls: certificate required", "set ssl.certificate and ssl.key"},
		"no client certificate, TLS 1.2":  {demanding(tls.VersionTLS12), ca.File, "remote error: tls: ", "set ssl.certificate and ssl.key"},
		"no version of TLS in common too": {&tls.Config{Certificates: []tls.Certificate{*good}, MinVersion: tls.VersionTLS13}, ca.File, "protocol version not supported", "set ssl.supported_protocols"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, url := startTLS(t, c.server)
			more := fmt.Sprintf("  ssl.certificate_authorities: [%q]\n", c.ca)
			if strings.Contains(c.set, "supported_protocols") {
				more += "  ssl.supported_protocols: [TLSv1.2]\n"
			}
			setup := beattest.Setup{
				Dir:    t.TempDir(),
				Output: fmt.Sprintf("output.websocket:\n  hosts: [%q]\n  backoff.init: 10m\n  backoff.max: 10m\n%s", url, more),
				Extra:  "queue.mem.flush.timeout: 0s",
			}
			beattest.AppendLines(t, setup.LogFile("a.log"), 1, 20)
			filebeat := beattest.StartFilebeat(t, setup)
			beattest.Eventually(t, patience, "the failure is logged", func() bool { return len(failureLines(filebeat.Output())) > 0 })
			lines := failureLines(filebeat.Output())
			require.Len(t, lines, 1)
			require.Contains(t, lines[0], c.cause)
			require.Contains(t, lines[0], c.set)
			require.Contains(t, lines[0], url)
			require.Equal(t, 1, strings.Count(filebeat.Output(), c.cause), "logged once")
			require.Zero(t, filebeat.Stop())
		})
	}
}

// Certificates are rotated on disk while filebeat runs: first the client's, of which
// the server then refuses the old one, and then the server's, whose new authority is
// added to the file of authorities.
func TestRenewedCertificatesAreUsedWithoutARestart(t *testing.T) {
	const lines = 2_000
	clients, first, second := beattest.NewCA(t), beattest.NewCA(t), beattest.NewCA(t)
	folder := t.TempDir()
	issue := func(name string) (certificateFile, keyFile string) {
		return beattest.WriteKeyPair(t, folder, clients.IssueAs(func(c *x509.Certificate) { c.Subject.CommonName = name }), "")
	}
	certificate, key := issue("old")
	authorities := filepath.Join(folder, "authorities.pem")
	trust := func(ca *beattest.CA) {
		pem, err := os.ReadFile(ca.File)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(authorities, pem, 0o600))
	}
	trust(first)
	var server atomic.Pointer[tls.Certificate]
	var accepted atomic.Value
	server.Store(first.Issue("127.0.0.1"))
	accepted.Store("old")
	receiver, url := startTLS(t, &tls.Config{
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return server.Load(), nil },
		ClientAuth:     tls.RequireAndVerifyClientCert,
		ClientCAs:      clients.Pool(),
		VerifyConnection: func(state tls.ConnectionState) error {
			if name := state.PeerCertificates[0].Subject.CommonName; name != accepted.Load() {
				return fmt.Errorf("%s is revoked", name)
			}
			return nil
		},
	})
	setup := beattest.Setup{Dir: t.TempDir(), Output: output(url, fmt.Sprintf("  ssl: {certificate_authorities: [%q], certificate: %q, key: %q}\n", authorities, certificate, key))}
	beattest.AppendLines(t, setup.LogFile("a.log"), 1, lines)
	filebeat := beattest.StartFilebeat(t, setup)
	arrived(t, receiver, lines)

	refused := func(what string) {
		beattest.Eventually(t, patience, "the log has: "+what, func() bool { return strings.Contains(filebeat.Output(), what) })
	}
	accepted.Store("new")
	receiver.Reset()
	beattest.AppendLines(t, setup.LogFile("a.log"), lines+1, 2*lines)
	refused("the server refuses the client certificate")
	issue("new")
	arrived(t, receiver, 2*lines)

	server.Store(second.Issue("127.0.0.1"))
	receiver.Reset()
	beattest.AppendLines(t, setup.LogFile("a.log"), 2*lines+1, 3*lines)
	refused("certificate signed by unknown authority")
	trust(second)
	arrived(t, receiver, 3*lines)
	require.Zero(t, filebeat.Stop())
}
