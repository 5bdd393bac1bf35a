// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
	"filebeat-websocket/testing/wstest"
)

// twoAddresses starts a server that misbehaves and a healthy one on the same port of two
// addresses.
func twoAddresses(t *testing.T, fault wstest.Fault) (sick, healthy *wstest.Server, port string) {
	t.Helper()
	sick = wstest.Start(t, wstest.WithScript(func(int) wstest.Fault { return fault }))
	_, port, err := net.SplitHostPort(sick.Addr())
	require.NoError(t, err)
	return sick, wstest.Start(t, wstest.WithAddr("127.0.0.2:"+port)), port
}

func TestTheNextConnectLeavesAnAddressThatIsNotReady(t *testing.T) {
	for name, fault := range map[string]wstest.Fault{
		"answers no Ping": {MutePongs: true}, "answers 503": {RefuseStatus: http.StatusServiceUnavailable}, "hangs": {HangUpgrade: true},
	} {
		t.Run(name, func(t *testing.T) {
			sick, healthy, port := twoAddresses(t, fault)
			for range 5 {
				f := newFixture(t, fmt.Sprintf(`{hosts: ["ws://logs.test:%s"], proxy_disable: true, timeout: 200ms, connect_timeout: 200ms}`, port))
				f.shared.resolve = func(context.Context, string) ([]string, error) { return []string{"127.0.0.1", "127.0.0.2"}, nil }
				before := sick.Counts().Connections
				if err := f.client.Connect(); err != nil {
					require.NoError(t, f.client.Connect())
				}
				require.LessOrEqual(t, sick.Counts().Connections-before, 1)
				sought := sick.Counts().Connections
				for range 5 {
					if sought > before {
						require.NoError(t, f.client.Connect())
						require.Equal(t, sought, sick.Counts().Connections, "the address that failed comes last")
					}
				}
				require.NoError(t, f.client.Close())
			}
			require.Positive(t, healthy.Counts().Connections)
		})
	}
}

func TestAServerIsAskedForUnderTheNamesOfTheSettings(t *testing.T) {
	const name = "logs.example.com"
	ca := beattest.NewCA(t)
	asked := make(chan string, 10)
	settings := serverCertificate(ca.IssueAs(func(c *x509.Certificate) { c.DNSNames = []string{name} }))
	settings.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		asked <- hello.ServerName
		return nil, nil
	}
	server, port := startTLS(t, settings)
	host := func() string { return server.Conns()[len(server.Conns())-1].Request.Host }
	for _, mode := range []string{"full", "strict"} {
		f := newFixture(t, fmt.Sprintf(`{hosts: ["wss://127.0.0.1:%s"], host_header: "%s:8443", ssl: {server_name: %s, certificate_authorities: [%q], verification_mode: %s}}`, port, name, name, ca.File, mode))
		require.NoError(t, f.client.Connect())
		require.Equal(t, name, <-asked)
		require.Equal(t, name+":8443", host())

		f = newFixture(t, fmt.Sprintf(`{hosts: ["wss://127.0.0.1:%s"], ssl: {server_name: other.example.com, certificate_authorities: [%q], verification_mode: %s}}`, port, ca.File, mode))
		require.ErrorContains(t, f.client.Connect(), "certificate is valid for logs.example.com, not other.example.com; use a name from the server's certificate in hosts or ssl.server_name")
		require.Equal(t, "other.example.com", <-asked)
	}
	t.Run("without TLS, and by default", func(t *testing.T) {
		server = wstest.Start(t)
		require.NoError(t, newFixture(t, `{host_header: logs.example.com}`, server).client.Connect())
		require.Equal(t, name, host())
		require.NoError(t, newFixture(t, `{}`, server).client.Connect())
		require.Equal(t, server.Addr(), host())
	})
	t.Run("names that are none", func(t *testing.T) {
		for _, yaml := range []string{
			`host_header: "a b"`, `host_header: "http://a/"`, `host_header: "a\r\nX: y"`, `host_header: "a@b"`,
			`ssl.server_name: "a:443"`, `ssl.server_name: "a b"`, `ssl.server_name: "wss://a"`,
		} {
			cfg := configFrom(t, yaml)
			require.NoError(t, cfg.Merge(configFrom(t, `hosts: [h]`)))
			_, err := readConfig(cfg)
			key, _, _ := strings.Cut(yaml, ": ")
			require.ErrorContains(t, err, "output.websocket."+key+": must be a host name")
		}
	})
}

func TestARefusalSaysWhatToSet(t *testing.T) {
	refusing := func(status int) *wstest.Server {
		return wstest.Start(t, wstest.WithScript(func(int) wstest.Fault { return wstest.Fault{RefuseStatus: status} }))
	}
	proxy := beattest.StartGateway(t, beattest.GatewaySettings{Refuse: func(int) int { return http.StatusProxyAuthRequired }})
	for name, c := range map[string]struct {
		yaml   string
		status int
		want   string
	}{
		"401":                     {`{}`, 401, "401 Unauthorized; set username and password, api_key, bearer_token or bearer_token_file"},
		"401, with a token":       {`{bearer_token: abcdef}`, 401, "401 Unauthorized; the server does not accept the credentials: check bearer_token"},
		"401, with a user":        {`{hosts: ["ws://me:pass@SERVER"]}`, 401, "401 Unauthorized; the server does not accept the credentials: check the user in hosts"},
		"403":                     {`{}`, 403, "403 Forbidden; set username and password"},
		"403, with a key":         {`{api_key: "a:b"}`, 403, "403 Forbidden; check what api_key may do there, the path in hosts, and origin"},
		"407":                     {fmt.Sprintf(`{proxy_url: %q}`, "http://"+proxy.Addr()), 200, "407 Proxy Authentication Required; set the user and password for the proxy in proxy_url"},
		"407, with a user":        {fmt.Sprintf(`{proxy_url: %q}`, "http://me:pass@"+proxy.Addr()), 200, "; the proxy does not accept the credentials: check the user and password in proxy_url"},
		"nothing listens":         {`{hosts: ["ws://127.0.0.1:1"]}`, 200, "connection refused; nothing listens there: check host and port in hosts"},
		"nothing at proxy_url":    {`{proxy_url: "http://127.0.0.1:1"}`, 200, "connection refused; no proxy listens there: check proxy_url"},
		"another status says all": {`{}`, 500, "500 Internal Server Error"},
	} {
		t.Run(name, func(t *testing.T) {
			server := refusing(c.status)
			f := newFixture(t, strings.ReplaceAll(c.yaml, "SERVER", server.Addr()), server)
			err := f.client.Connect()
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "pass@")
			if c.status == 500 {
				require.NotContains(t, err.Error(), ";")
			}
		})
	}
}
