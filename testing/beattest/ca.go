// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package beattest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// CA is a certificate authority for one test.
type CA struct {
	// File holds its certificate as PEM.
	File string

	tb          testing.TB
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// NewCA makes a certificate authority.
func NewCA(tb testing.TB) *CA {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(tb, err)
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "test authority"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(24 * time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(tb, err)
	certificate, err := x509.ParseCertificate(der)
	require.NoError(tb, err)
	ca := &CA{File: filepath.Join(tb.TempDir(), "ca.pem"), tb: tb, certificate: certificate, key: key}
	require.NoError(tb, os.WriteFile(ca.File, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	return ca
}

// Issue issues a server's certificate for an IP address.
func (ca *CA) Issue(ip string) *tls.Certificate {
	ca.tb.Helper()
	return ca.IssueAs(func(template *x509.Certificate) {
		template.Subject.CommonName, template.IPAddresses = ip, []net.IP{net.ParseIP(ip)}
	})
}

// IssueAs issues a certificate for a server or a client. change fills in the
// template.
func (ca *CA) IssueAs(change func(template *x509.Certificate)) *tls.Certificate {
	ca.tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(ca.tb, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	change(template)
	der, err := x509.CreateCertificate(rand.Reader, template, ca.certificate, &key.PublicKey, ca.key)
	require.NoError(ca.tb, err)
	return &tls.Certificate{Certificate: [][]byte{der, ca.certificate.Raw}, PrivateKey: key}
}

// Certificate is that of the authority.
func (ca *CA) Certificate() *x509.Certificate { return ca.certificate }

// Pool holds the authority only.
func (ca *CA) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(ca.certificate)
	return pool
}

// WriteKeyPair writes a certificate and its key as PEM files into a folder. With a
// passphrase the key is encrypted.
func WriteKeyPair(tb testing.TB, folder string, certificate *tls.Certificate, passphrase string) (certificateFile, keyFile string) {
	tb.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	require.NoError(tb, err)
	key := &pem.Block{Type: "PRIVATE KEY", Bytes: der}
	if passphrase != "" {
		elliptic, ok := certificate.PrivateKey.(*ecdsa.PrivateKey)
		require.True(tb, ok)
		der, err := x509.MarshalECPrivateKey(elliptic)
		require.NoError(tb, err)
		//nolint:staticcheck // what openssl's older commands write, and Beats read
		key, err = x509.EncryptPEMBlock(rand.Reader, "EC PRIVATE KEY", der, []byte(passphrase), x509.PEMCipherAES256)
		require.NoError(tb, err)
	}
	certificateFile, keyFile = filepath.Join(folder, "certificate.pem"), filepath.Join(folder, "key.pem")
	require.NoError(tb, os.WriteFile(certificateFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]}), 0o600))
	require.NoError(tb, os.WriteFile(keyFile, pem.EncodeToMemory(key), 0o600))
	return certificateFile, keyFile
}
