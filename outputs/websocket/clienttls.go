// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"crypto/tls"

	"github.com/elastic/elastic-agent-libs/transport/tlscommon"

	"filebeat-websocket/outputs/websocket/internal/certs"
)

// tlsSettings are libbeat's settings of TLS, and ours.
type tlsSettings struct {
	tlscommon.Config `config:",inline"`
	ServerName       string         `config:"server_name"`
	Restart          map[string]any `config:"restart_on_cert_change"` // read by libbeat
}

// common returns libbeat's settings, nil if there are none.
func (s *tlsSettings) common() *tlscommon.Config {
	if s == nil {
		return nil
	}
	return &s.Config
}

// requireModernTLS refuses TLS below 1.2 unless ssl.supported_protocols asks for it:
// libbeat's own default begins at 1.1.
func (c *config) requireModernTLS() {
	if c.TLS != nil && len(c.TLS.Versions) == 0 {
		c.TLS.Versions = []tlscommon.TLSVersion{tlscommon.TLSVersion12, tlscommon.TLSVersion13}
	}
}

// tlsConfig reads certificates and keys for each dial, so that rotated ones are used.
func (c *client) tlsConfig() (*tls.Config, error) {
	name := c.endpoint.Hostname() // for SNI, and to verify the certificate
	if c.config.TLS != nil && c.config.TLS.ServerName != "" {
		name = c.config.TLS.ServerName
	}
	settings, err := loadTLS(c.config.TLS.common())
	switch {
	case err != nil:
		return nil, err
	case settings == nil:
		return &tls.Config{ServerName: name, MinVersion: tls.VersionTLS12}, nil
	default:
		return settings.BuildModuleClientConfig(name), nil
	}
}

// loadTLS reads the files that ssl.* names.
func loadTLS(settings *tlscommon.Config) (*tlscommon.TLSConfig, error) {
	loaded, err := certs.Load(settings)
	if err != nil {
		return nil, settingError("ssl", err)
	}
	return loaded, nil
}
