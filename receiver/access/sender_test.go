// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSendersAreToldApartByTokenAndCertificate(t *testing.T) {
	request := func(authorization, certificate string) *http.Request {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.Header.Set("Authorization", authorization)
		if certificate != "" {
			r.TLS = &tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{{Raw: []byte(certificate)}, {Raw: []byte("authority")}}}}
		}
		return r
	}
	require.Empty(t, Sender(request("", "")))
	require.Empty(t, Sender(request("Basic dTpw", "")))
	require.Empty(t, Sender(request("Bearer ", "")))
	unverified := request("", "")
	unverified.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{Raw: []byte("a")}}}
	require.Empty(t, Sender(unverified))

	known := map[string]string{}
	for _, authorization := range []string{"", "Bearer one", "Bearer two"} {
		for _, certificate := range []string{"", "a", "b"} {
			sender := Sender(request(authorization, certificate))
			require.NotContains(t, known, sender)
			require.NotContains(t, sender, "one", "the token can't be read from it")
			known[sender] = authorization + certificate
		}
	}
	require.Contains(t, known, Sender(request("bearer  one", "a")), "however the header is written")
	require.Len(t, known, 9)
}
