// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package certs reads certificates and keys for an output's connections: those that ssl.*
// names, and what an https proxy is verified with. It is called for each dial, so that
// rotated files are used.
package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/elastic/elastic-agent-libs/transport/tlscommon"
)

// Load reads the files that ssl.* names. It corrects two errors of libbeat:
// they quote a key that is written in the settings themselves, and for a key that
// cannot be decrypted they say that the file has no PEM blocks.
func Load(settings *tlscommon.Config) (*tlscommon.TLSConfig, error) {
	loaded, err := tlscommon.LoadTLSConfig(settings)
	if err == nil {
		return loaded, nil
	}
	text := err.Error()
	for _, inline := range []string{settings.Certificate.Key, settings.Certificate.Certificate} {
		if tlscommon.IsPEMString(inline) {
			text = strings.ReplaceAll(text, inline, "(in the settings)")
		}
	}
	if strings.Contains(text, "no PEM blocks") {
		text += "; is ssl.key_passphrase missing or wrong?"
	}
	if text == err.Error() {
		return nil, err
	}
	return nil, errors.New(text)
}

// ForProxy trusts the authorities of the system and those in the settings. The
// other TLS settings are about the server and do not apply to the proxy.
func ForProxy(settings *tlscommon.Config, host string) (*tls.Config, error) {
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool() // the system has none
	}
	if settings != nil {
		for _, authority := range settings.CAs {
			if err := addAuthority(roots, authority); err != nil {
				return nil, err
			}
		}
	}
	return &tls.Config{ServerName: host, RootCAs: roots, MinVersion: tls.VersionTLS12}, nil
}

// addAuthority adds the certificates of a file, or of PEM text.
func addAuthority(roots *x509.CertPool, authority string) error {
	reader, err := tlscommon.NewPEMReader(authority)
	if err != nil {
		return err
	}
	defer func() { _ = reader.Close() }()
	pem, err := io.ReadAll(reader)
	if err != nil {
		return err
	}
	if !roots.AppendCertsFromPEM(pem) {
		return fmt.Errorf("%v contains no certificate", reader)
	}
	return nil
}
