// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package advice

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"strings"

	"github.com/elastic/elastic-agent-libs/transport/tlscommon"
)

// forTLS returns what to do about an error of TLS. An alert of the server (RFC 8446 6) can only be recognised by its text.
// With TLS 1.3 a server refuses a client's certificate after the client has
// finished the handshake, so that alert arrives with the first read.
func (s Settings) forTLS(err error) string {
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
	switch {
	case unknownAuthority:
		return "set ssl.certificate_authorities to the authority that issued the server's certificate, or ssl.ca_trusted_fingerprint"
	case otherName:
		return "use a name from the server's certificate in hosts or ssl.server_name, or set ssl.verification_mode: certificate"
	case isInvalid && invalid.Reason == x509.Expired:
		return "renew the server's certificate, or correct the clock of this machine"
	case errors.Is(err, tlscommon.ErrCAPinMissmatch):
		return "set ssl.ca_sha256 to the authority that issued the server's certificate"
	case !s.Secure && strings.Contains(text, `malformed HTTP response "\x15\x03`):
		return useWSS
	case notTLS:
		return "the server does not speak TLS on this port: use ws instead of wss, or another port"
	case errors.Is(err, io.EOF) && strings.HasPrefix(text, "TLS: "):
		return "the server closed the connection during the handshake: does it speak TLS on this port?"
	case alert("certificate required"), alert("bad certificate") && !s.ClientCertificate:
		return "the server requires a client certificate: set ssl.certificate and ssl.key"
	case alert("bad certificate", "unknown certificate", "expired certificate", "revoked certificate", "unsupported certificate", "access denied"):
		return "the server refuses the client certificate: set ssl.certificate and ssl.key to a certificate that it trusts"
	case alert("handshake failure") && !s.ClientCertificate:
		return "client and server have nothing in common, see ssl.cipher_suites and ssl.curve_types, or the server requires a client certificate: set ssl.certificate and ssl.key"
	case alert("handshake failure", "insufficient security level"):
		return "client and server have nothing in common: see ssl.cipher_suites and ssl.curve_types"
	case alert("protocol version not supported"), strings.Contains(text, "tls: server selected unsupported protocol version"), strings.Contains(text, "tls: no supported versions"):
		return "client and server have no TLS version in common: set ssl.supported_protocols"
	}
	return ""
}
