// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/elastic/elastic-agent-libs/transport/tlscommon"
)

func TestErrorsDoNotQuoteAKey(t *testing.T) {
	key := "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"
	settings := &tlscommon.Config{}
	settings.Certificate.Certificate = "/there/is/no/such.crt"
	settings.Certificate.Key = key
	_, err := Load(settings)
	require.Error(t, err)
	require.NotContains(t, err.Error(), "c2VjcmV0")
}

func TestAProxyIsVerifiedByItsName(t *testing.T) {
	config, err := ForProxy(nil, "proxy.example.com")
	require.NoError(t, err)
	require.Equal(t, "proxy.example.com", config.ServerName)
	require.NotNil(t, config.RootCAs)

	_, err = ForProxy(&tlscommon.Config{CAs: []string{"/there/is/no/such.pem"}}, "proxy.example.com")
	require.ErrorContains(t, err, "such.pem")
}
