// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/receiver/receivertest"
	"filebeat-websocket/testing/beattest"
)

func TestRenewedAuthorityIsUsedByTheNextDial(t *testing.T) {
	ca := beattest.NewCA(t)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{*ca.Issue("127.0.0.1")}})
	require.NoError(t, err)
	server := receivertest.Start(t, receivertest.WithListener(listener))
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
