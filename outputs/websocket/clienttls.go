// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"strings"

	"github.com/elastic/elastic-agent-libs/transport/tlscommon"
)

// tlsConfig reads certificates and keys for each dial, so that rotated ones are used.
func (c *client) tlsConfig() (*tls.Config, error) {
	host := c.endpoint.Hostname()
	settings, err := loadTLS(c.config.TLS)
	switch {
	case err != nil:
		return nil, err
	case settings == nil:
		return &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}, nil
	default:
		return settings.BuildModuleClientConfig(host), nil
	}
}

// loadTLS reads the files that ssl.* names. It corrects two errors of libbeat:
// they quote a key that is written in the settings themselves, and for a key that
// cannot be decrypted they say that the file has no PEM blocks.
func loadTLS(settings *tlscommon.Config) (*tlscommon.TLSConfig, error) {
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
		return nil, settingError("ssl", err)
	}
	return nil, settingError("ssl", errors.New(text))
}

// explainTLS returns what to do about a TLS error, empty if the error explains
// itself. An alert of the server (RFC 8446 6) can only be recognised by its text.
// With TLS 1.3 a server refuses a client's certificate after the client has
// finished the handshake, so that alert arrives with the first read.
func (c *client) explainTLS(err error) string {
	_, unknownAuthority := errors.AsType[x509.UnknownAuthorityError](err)
	_, otherName := errors.AsType[x509.HostnameError](err)
	invalid, isInvalid := errors.AsType[x509.CertificateInvalidError](err)
	_, notTLS := errors.AsType[tls.RecordHeaderError](err)
	text := err.Error()
	alert := func(names ...string) bool {
		for _, name := range names {
			if strings.Contains(text, "remote error: tls: "+name) {
				return true
			}
		}
		return false
	}
	hasCertificate := c.config.TLS != nil && c.config.TLS.Certificate.Certificate != ""
	switch {
	case unknownAuthority:
		return "set ssl.certificate_authorities to the authority that issued the server's certificate, or ssl.ca_trusted_fingerprint"
	case otherName:
		return "use a name from the server's certificate in hosts, or set ssl.verification_mode: certificate"
	case isInvalid && invalid.Reason == x509.Expired:
		return "renew the server's certificate, or correct the clock of this machine"
	case errors.Is(err, tlscommon.ErrCAPinMissmatch):
		return "set ssl.ca_sha256 to the authority that issued the server's certificate"
	case c.endpoint.Scheme == "ws" && strings.Contains(text, `malformed HTTP response "\x15\x03`):
		return "the server speaks TLS on this port: use wss instead of ws"
	case notTLS:
		return "the server does not speak TLS on this port: use ws instead of wss, or another port"
	case errors.Is(err, io.EOF) && strings.HasPrefix(text, "TLS: "):
		return "the server closed the connection during the handshake: does it speak TLS on this port?"
	case alert("certificate required"), alert("bad certificate") && !hasCertificate:
		return "the server requires a client certificate: set ssl.certificate and ssl.key"
	case alert("bad certificate", "unknown certificate", "expired certificate", "revoked certificate", "unsupported certificate", "access denied"):
		return "the server refuses the client certificate: set ssl.certificate and ssl.key to a certificate that it trusts"
	case alert("handshake failure") && !hasCertificate:
		return "client and server have nothing in common, see ssl.cipher_suites and ssl.curve_types, or the server requires a client certificate: set ssl.certificate and ssl.key"
	case alert("handshake failure", "insufficient security level"):
		return "client and server have nothing in common: see ssl.cipher_suites and ssl.curve_types"
	case alert("protocol version not supported"), strings.Contains(text, "tls: server selected unsupported protocol version"), strings.Contains(text, "tls: no supported versions"):
		return "client and server have no TLS version in common: set ssl.supported_protocols"
	}
	return ""
}
