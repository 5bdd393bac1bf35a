// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
	"filebeat-websocket/testing/wstest"
)

// runCommand runs a command of filebeat, such as "test", "output", and waits for its end.
func runCommand(t *testing.T, setup beattest.Setup, command ...string) (printed string, exitCode int) {
	t.Helper()
	filebeat := beattest.StartFilebeat(t, setup, command...)
	exitCode = filebeat.Wait(patience)
	return filebeat.Output(), exitCode
}

// startTLS starts a server with that certificate, and returns its wss URL.
func startTLS(t *testing.T, config *tls.Config, options ...wstest.Option) (server *wstest.Server, url string) {
	t.Helper()
	config.MinVersion = max(config.MinVersion, tls.VersionTLS12)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", config)
	require.NoError(t, err)
	server = wstest.Start(t, append(options, wstest.WithListener(listener))...)
	return server, "wss://" + server.Addr() + "/"
}

func TestTestOutputTellsOfEveryHost(t *testing.T) {
	ca := beattest.NewCA(t)
	server := wstest.Start(t, wstest.WithSubprotocols("filebeat.ack.v1"))
	_, secured := startTLS(t, &tls.Config{Certificates: []tls.Certificate{*ca.Issue("127.0.0.1")}})
	refusing := wstest.Start(t, wstest.WithScript(func(int) wstest.Fault {
		return wstest.Fault{RefuseStatus: http.StatusUnauthorized, RefuseBody: "who are you?"}
	}))
	closed, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	refused := "ws://" + closed.Addr().String() + "/"
	require.NoError(t, closed.Close())
	gateway := beattest.StartGateway(t, beattest.GatewaySettings{User: "me", Password: "right"})

	for name, c := range map[string]struct {
		settings string
		exitCode int
		holds    []string
	}{
		"a server that is there": {
			fmt.Sprintf(`{hosts: [%q], workers: 2}`, server.URL()), 0,
			[]string{server.URL() + "...\n", "dial ", "upgrade (101 Switching Protocols)... OK\n", "subprotocol: none\n", "compression: none, not offered\n", "Ping and Pong ("},
		},
		"with ack: message": {
			fmt.Sprintf(`{hosts: [%q], ack: message}`, server.URL()), 0,
			[]string{"subprotocol: filebeat.ack.v1\n", "ack: message (ready after "},
		},
		"with TLS": {
			fmt.Sprintf(`{hosts: [%q], ssl.certificate_authorities: [%q]}`, secured, ca.File), 0,
			[]string{"TLS (TLS 1.3, ", "upgrade (101 Switching Protocols)... OK\n"},
		},
		"through a proxy": {
			fmt.Sprintf(`{hosts: [%q], proxy_url: "http://me:right@%s"}`, server.URL(), gateway.Addr()), 0,
			[]string{"proxy http://" + gateway.Addr() + " to ", "upgrade (101 Switching Protocols)... OK\n"},
		},
		"nobody listens": {
			fmt.Sprintf(`{hosts: [%q]}`, refused), 1,
			[]string{"... ERROR dial tcp ", "connection refused; nothing listens there: ", "test output... ERROR 1 of 1 hosts failed: " + refused},
		},
		"a CA that is not known": {
			fmt.Sprintf(`{hosts: [%q]}`, secured), 1,
			[]string{"TLS... ERROR TLS: tls: failed to verify certificate: x509: certificate signed by unknown authority; set ssl.certificate_authorities"},
		},
		"401": {
			fmt.Sprintf(`{hosts: [%q], bearer_token: wrong}`, refusing.URL()), 1,
			[]string{`upgrade... ERROR the server answered the upgrade with 401 Unauthorized: "who are you?"`},
		},
		"407": {
			fmt.Sprintf(`{hosts: [%q], proxy_url: "http://me:wrong@%s"}`, server.URL(), gateway.Addr()), 1,
			[]string{"... ERROR the proxy answered CONNECT with 407 Proxy Authentication Required"},
		},
		"some are there and some not": {
			fmt.Sprintf(`{hosts: [%q, %q, %q, %q], workers: 2}`, refused, server.URL(), refusing.URL(), secured), 1,
			[]string{"connection refused", "Ping and Pong (", "401 Unauthorized", "unknown authority", "test output... ERROR 3 of 4 hosts failed: " + strings.Join([]string{refused, refusing.URL(), secured}, ", ")},
		},
		"the same with failover": {
			fmt.Sprintf(`{hosts: [%q, %q, %q], loadbalance: false}`, refused, server.URL(), refusing.URL()), 1,
			[]string{"connection refused", "Ping and Pong (", "401 Unauthorized", "test output... ERROR 2 of 3 hosts failed"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begun := time.Now()
			setup := beattest.Setup{Dir: t.TempDir(), Output: "output.websocket: " + c.settings}
			printed, exitCode := runCommand(t, setup, "test", "output")
			require.Equal(t, c.exitCode, exitCode, printed)
			for _, text := range c.holds {
				require.Contains(t, printed, text)
			}
			require.NotContains(t, printed, "panic")
			for _, host := range []string{refused, server.URL(), refusing.URL(), secured} {
				require.LessOrEqual(t, strings.Count(printed, host+"...\n"), 1, "each host is tested once")
			}
			require.Less(t, time.Since(begun), 30*time.Second)
		})
	}
	t.Cleanup(func() { require.Zero(t, server.Counts().Messages, "no event is sent") })
}
