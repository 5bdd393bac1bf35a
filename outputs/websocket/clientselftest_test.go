// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"bytes"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	libtesting "github.com/elastic/elastic-agent-libs/testing"

	"filebeat-websocket/testing/beattest"
	"filebeat-websocket/testing/wstest"
)

// selfTested does what `filebeat test output` does, and returns what it prints
// and how often it ends the process.
func (f *fixture) selfTested(t *testing.T) (printed string, fatal int) {
	t.Helper()
	var out bytes.Buffer
	for _, each := range f.group.Clients {
		testable, ok := each.(libtesting.Testable)
		require.True(t, ok)
		require.Zero(t, fatal, "the process has ended before a client was tested")
		testable.Test(libtesting.NewConsoleDriverWithKiller(&out, func() { fatal++ }))
	}
	return out.String(), fatal
}

// stepLines is a regular expression for lines that follow each other.
func stepLines(each ...string) *regexp.Regexp {
	return regexp.MustCompile(`(?m)^` + strings.Join(each, `\n`) + `$`)
}

func TestSelfTestTellsOfEveryStep(t *testing.T) {
	ca := beattest.NewCA(t)
	server := wstest.Start(t, wstest.WithSubprotocols("filebeat.ack.v1", "own"))
	secured, port := startTLS(t, serverCertificate(ca.Issue("127.0.0.1")))
	gateway := beattest.StartGateway(t, beattest.GatewaySettings{Names: farNames, User: "me", Password: "hunter2"})
	addr := regexp.QuoteMeta(server.Addr())
	for name, c := range map[string]struct {
		yaml string
		want *regexp.Regexp
	}{
		"ws": {fmt.Sprintf(`hosts: ["ws://localhost:%s/x?token=hunter2"]`, portOf(server)), stepLines(
			`ws://localhost:\d+/x\.\.\.`,
			`  resolve localhost \(.*127\.0\.0\.1.*\)\.\.\. OK`,
			`  dial localhost:\d+ \(127\.0\.0\.1:\d+\)\.\.\. OK`,
			`  upgrade \(101 Switching Protocols\)\.\.\. OK`,
			`  subprotocol: none`,
			`  compression: none, not offered`,
			`  Ping and Pong \(\S+s\)\.\.\. OK`,
		)},
		"ack: message and more": {fmt.Sprintf(`{hosts: [%q], ack: message, compression_level: 1}`, server.URL()), stepLines(
			`  upgrade \(101 Switching Protocols\)\.\.\. OK`,
			`  subprotocol: filebeat\.ack\.v1`,
			`  compression: none, the server declined`,
			`  Ping and Pong \(\S+s\)\.\.\. OK`,
			`  ack: message \(ready after \S+s\)\.\.\. OK`,
		)},
		"ack: none": {fmt.Sprintf(`{hosts: [%q], ack: none, subprotocols: [own]}`, server.URL()), stepLines(
			`  subprotocol: own`,
			`  compression: .*`,
			`  Ping and Pong \(\S+s\)\.\.\. OK`,
		)},
		"wss": {fmt.Sprintf(`{hosts: ["wss://127.0.0.1:%s"], ssl.certificate_authorities: [%q]}`, port, ca.File), stepLines(
			`  dial 127\.0\.0\.1:\d+ \(127\.0\.0\.1:\d+\)\.\.\. OK`,
			`  TLS \(TLS 1\.3, TLS_\w+, certificate of CN=127\.0\.0\.1, valid until 20\d\d-.*Z\)\.\.\. OK`,
			`  upgrade \(101 Switching Protocols\)\.\.\. OK`,
		)},
		"a proxy": {fmt.Sprintf(`{hosts: ["ws://%s:%s"], proxy_url: "http://me:hunter2@%s"}`, farName, portOf(server), gateway.Addr()), stepLines(
			`  resolve 127\.0\.0\.1 \(127\.0\.0\.1\)\.\.\. OK`,
			`  dial 127\.0\.0\.1:\d+ \(127\.0\.0\.1:\d+\)\.\.\. OK`,
			`  proxy http://127\.0\.0\.1:\d+ to `+farName+`:\d+\.\.\. OK`,
			`  upgrade \(101 Switching Protocols\)\.\.\. OK`,
		)},
		"a proxy, names looked up here": {fmt.Sprintf(`{hosts: ["wss://localhost:%s"], proxy_url: "socks5://me:hunter2@%s", proxy_use_local_resolver: true, ssl: {certificate_authorities: [%q], verification_mode: certificate}}`, port, gateway.Addr(), ca.File), stepLines(
			`  resolve localhost:\d+ \(.*127\.0\.0\.1:\d+.*\)\.\.\. OK`,
			`  resolve 127\.0\.0\.1 \(127\.0\.0\.1\)\.\.\. OK`,
			`  dial `+regexp.QuoteMeta(gateway.Addr())+` .*OK`,
			`(?s:.*)  proxy socks5://127\.0\.0\.1:\d+ to \S+:\d+\.\.\. OK`,
			`  TLS \(.*OK`,
			`  upgrade .*OK`,
		)},
		"workers, and a host that is not there": {fmt.Sprintf(`{hosts: ["ws://127.0.0.1:1", %q], workers: 3}`, server.URL()), stepLines(
			`ws://127\.0\.0\.1:1/\.\.\.`,
			`  resolve 127\.0\.0\.1 \(127\.0\.0\.1\)\.\.\. OK`,
			`  dial 127\.0\.0\.1:1\.\.\. ERROR dial tcp 127\.0\.0\.1:1: connect: connection refused; nothing listens there: .*`,
			`ws://`+addr+`/\.\.\.`,
			`(?s:.*)  Ping and Pong \(\S+s\)\.\.\. OK`,
			`test output\.\.\. ERROR 1 of 2 hosts failed: ws://127\.0\.0\.1:1/`,
		)},
		"failover, and a host that is not there": {fmt.Sprintf(`{hosts: ["ws://127.0.0.1:1", %q], loadbalance: false}`, server.URL()), stepLines(
			`ws://127\.0\.0\.1:1/\.\.\.`,
			`(?s:.*)  Ping and Pong \(\S+s\)\.\.\. OK`,
			`test output\.\.\. ERROR 1 of 2 hosts failed: ws://127\.0\.0\.1:1/`,
		)},
	} {
		t.Run(name, func(t *testing.T) {
			withoutProxies(t)
			printed, fatal := newFixture(t, c.yaml).selfTested(t)
			require.Regexp(t, c.want, printed)
			require.NotContains(t, printed, "hunter2")
			failures := strings.Count(printed, "test output... ERROR")
			require.Equal(t, failures, fatal, printed)
			require.Equal(t, failures > 0, strings.Contains(printed, "hosts failed"))
			for _, host := range []string{server.URL(), "ws://127.0.0.1:1/"} {
				require.LessOrEqual(t, strings.Count(printed, host+"..."), 1, "each host once")
			}
		})
	}
	require.Zero(t, server.Counts().Messages+secured.Counts().Messages, "no event is sent")
}

func portOf(server *wstest.Server) string {
	return server.Addr()[strings.LastIndex(server.Addr(), ":")+1:]
}

func TestSelfTestNamesTheStepThatFails(t *testing.T) {
	ca := beattest.NewCA(t)
	server := wstest.Start(t)
	secured, port := startTLS(t, serverCertificate(ca.Issue("127.0.0.1")))
	gateway := beattest.StartGateway(t, beattest.GatewaySettings{User: "me", Password: "another"})
	faulty := func(fault wstest.Fault, options ...wstest.Option) string {
		return wstest.Start(t, append(options, wstest.WithFaults(fault, fault))...).URL()
	}
	for name, c := range map[string]struct{ yaml, want string }{
		"an unknown name":      {`{hosts: ["ws://nobody.invalid"], proxy_disable: true}`, "resolve nobody.invalid... ERROR lookup nobody.invalid"},
		"another authority":    {fmt.Sprintf(`hosts: ["wss://127.0.0.1:%s"]`, port), "TLS... ERROR TLS: tls: failed to verify certificate: x509: certificate signed by unknown authority; set ssl.certificate_authorities"},
		"a proxy that refuses": {fmt.Sprintf(`{hosts: [%q], proxy_url: "http://me:hunter2@%s"}`, server.URL(), gateway.Addr()), " ERROR the proxy answered CONNECT with 407 Proxy Authentication Required"},
		"a proxy that is not there": {
			fmt.Sprintf(`{hosts: [%q], proxy_url: "http://me:hunter2@127.0.0.1:1"}`, server.URL()), "dial 127.0.0.1:1... ERROR proxy 127.0.0.1:1: dial tcp 127.0.0.1:1: connect: connection refused",
		},
		"401":                       {fmt.Sprintf(`{hosts: [%q], bearer_token: hunter2}`, faulty(wstest.Fault{RefuseStatus: http.StatusUnauthorized, RefuseBody: "not hunter2"})), `upgrade... ERROR the server answered the upgrade with 401 Unauthorized: "not ***"`},
		"a subprotocol is missing":  {fmt.Sprintf(`{hosts: [%q], ack: message}`, server.URL()), "upgrade... ERROR the server does not speak the subprotocol filebeat.ack.v1"},
		"no Pong":                   {fmt.Sprintf(`{hosts: [%q], timeout: 100ms}`, faulty(wstest.Fault{MutePongs: true})), "Ping and Pong... ERROR timeout: no answer"},
		"no Pong, ack: none":        {fmt.Sprintf(`{hosts: [%q], timeout: 100ms, ack: none}`, faulty(wstest.Fault{MutePongs: true})), "Ping and Pong... ERROR timeout: no answer"},
		"closed at once":            {fmt.Sprintf(`{hosts: [%q]}`, faulty(wstest.Fault{CloseAtMessage: wstest.AtOpen, CloseCode: 1008, CloseReason: "not you", MutePongs: true})), `Ping and Pong... ERROR the server closed the connection with code 1008: "not you"`},
		"a token file that is gone": {fmt.Sprintf(`{hosts: [%q], bearer_token_file: /no/such/file}`, server.URL()), "settings... ERROR output.websocket.bearer_token_file: open /no/such/file"},
	} {
		t.Run(name, func(t *testing.T) {
			printed, fatal := newFixture(t, c.yaml).selfTested(t)
			require.Contains(t, printed, c.want)
			require.Contains(t, printed, "test output... ERROR 1 of 1 hosts failed: ")
			require.NotContains(t, printed, "hunter2")
			require.Equal(t, 1, fatal)
			require.Equal(t, 2, strings.Count(printed, "ERROR"), "the cause once, and the verdict:\n%s", printed)
		})
	}
	require.Zero(t, secured.Counts().Messages)
}

func TestSelfTestWarnsOfWhatIsNotAsItShouldBe(t *testing.T) {
	server := wstest.Start(t, wstest.WithFaults(wstest.Fault{EmptyPongs: true}))
	printed, fatal := newFixture(t, ``, server).selfTested(t)
	require.Contains(t, printed, "Ping and Pong... WARN ")
	require.Zero(t, fatal)
}
