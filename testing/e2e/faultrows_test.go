// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
	"filebeat-websocket/testing/wstest"
)

// outage is how long the server is down in the rows that stop it.
const outage = time.Second

// sickNames is an /etc/hosts with two addresses, one of them the sick server's.
const sickNames = sickIP + " NAME\n127.0.0.1 NAME\n"

const badLine = faultLines / 2

func containsLine(seq int) func([]byte) bool {
	needle := fmt.Sprintf("seq=%d ", seq)
	return func(record []byte) bool { return strings.Contains(string(record), needle) }
}

func closeOnLine(seq, code int) func([]byte) int {
	contains := containsLine(seq)
	return func(message []byte) int {
		if contains(message) {
			return code
		}
		return 0
	}
}

func (run *faultRun) tokenFile() string { return filepath.Join(run.setup.Dir, "token") }

func (run *faultRun) setToken(token string) {
	require.NoError(run.t, os.WriteFile(run.tokenFile(), []byte(token+"\n"), 0o600))
}

// usesToken waits for a connection with that token.
func (run *faultRun) usesToken(token string) {
	beattest.Eventually(run.t, patience, "a connection with the token "+token, func() bool {
		conns := run.server().Conns()
		return len(conns) > 0 && conns[len(conns)-1].Request.Header.Get("Authorization") == "Bearer "+token
	})
}

// faultRows are the rows of the contract's table (docs/delivery.md), in its
// order.
var faultRows = []row{
	{name: "the server is not there for 1 s", during: func(run *faultRun) {
		run.server().Kill()
		run.isAway(outage)
		run.comeBack()
	}},
	{name: "the name of one of two hosts is unknown", output: `  hosts: ["SERVER", "ws://no-such-host.invalid/"]`, logged: "no-such-host.invalid"},
	{name: "the proxy is not there for 1 s", gateway: &beattest.GatewaySettings{}, during: func(run *faultRun) {
		run.gateway.Close()
		run.isAway(outage)
		run.gateway = beattest.StartGateway(run.t, beattest.GatewaySettings{Addr: run.gateway.Addr()})
	}, logged: "proxy 127.0.0.1:"},
	{name: "the proxy refuses with 407", gateway: &beattest.GatewaySettings{Refuse: func(number int) int {
		if number == 1 {
			return http.StatusProxyAuthRequired
		}
		return 0
	}}, logged: "407 Proxy Authentication Required"},
	{name: "upgrade answered 401", script: once(wstest.Fault{RefuseStatus: http.StatusUnauthorized, RefuseBody: "who are you"}), logged: "401 Unauthorized"},
	{name: "upgrade answered 403", script: once(wstest.Fault{RefuseStatus: http.StatusForbidden}), logged: "403 Forbidden"},
	{name: "upgrade answered 429, Retry-After in seconds", script: once(wstest.Fault{
		RefuseStatus: http.StatusTooManyRequests, RefuseHeader: http.Header{"Retry-After": {"1"}},
	}), logged: "429 Too Many Requests"},
	{name: "upgrade answered 503, Retry-After as a date", script: func(conn int) wstest.Fault {
		if conn > 1 {
			return wstest.Fault{}
		}
		date := time.Now().Add(2 * time.Second).UTC().Format(http.TimeFormat)
		return wstest.Fault{RefuseStatus: http.StatusServiceUnavailable, RefuseHeader: http.Header{"Retry-After": {date}}}
	}, logged: "503 Service Unavailable"},
	{name: "upgrade answered 500 with a page", script: firstTimes(2, wstest.Fault{
		RefuseStatus: http.StatusInternalServerError, RefuseBody: "out of order",
	}), logged: "out of order"},
	{name: "upgrade answered with a wrong Accept", script: once(wstest.Fault{WrongAccept: true}), logged: "Sec-WebSocket-Accept"},
	{name: "upgrade never answered", script: once(wstest.Fault{HangUpgrade: true}), output: "  connect_timeout: 1s", logged: "connect_timeout"},
	{name: "no HTTP at all", script: firstTimes(2, wstest.Fault{NotHTTP: []byte("220 smtp.example ESMTP\r\n")}), logged: "malformed HTTP"},
	{name: "a redirect", script: once(wstest.Fault{
		RefuseStatus: http.StatusPermanentRedirect, RefuseHeader: http.Header{"Location": {"http://elsewhere.example/"}},
	}), logged: "elsewhere.example"},
	{name: "close 1000", script: firstTimes(3, wstest.Fault{CloseAtMessage: 700, CloseCode: 1000}), logged: "code 1000"},
	{name: "close 1001", script: firstTimes(3, wstest.Fault{CloseAtMessage: 700, CloseCode: 1001}), logged: "code 1001"},
	{name: "close 1012", script: firstTimes(3, wstest.Fault{CloseAtMessage: 700, CloseCode: 1012}), logged: "code 1012"},
	{name: "close 1013", script: once(wstest.Fault{CloseAtMessage: 700, CloseCode: 1013}), logged: "code 1013"},
	{name: "close 1011", script: once(wstest.Fault{CloseAtMessage: 700, CloseCode: 1011, CloseReason: "oops"}), logged: "oops"},
	{name: "close 1014", script: once(wstest.Fault{CloseAtMessage: 700, CloseCode: 1014}), logged: "code 1014"},
	{name: "close with an invalid code", script: once(wstest.Fault{CloseAtMessage: 700, CloseCode: 999}), logged: "code 999"},
	{name: "close 1008", script: once(wstest.Fault{CloseAtMessage: 700, CloseCode: 1008, CloseReason: "not you"}), logged: "not you"},
	{name: "close 4001", script: once(wstest.Fault{CloseAtMessage: 700, CloseCode: 4001, CloseReason: "quota"}), logged: "quota"},
	{name: "TCP FIN without a Close frame", script: firstTimes(3, wstest.Fault{HalfFrameAtMessage: 700}), logged: "ended:"},
	{name: "TCP RST", script: firstTimes(3, wstest.Fault{DropAtMessage: 700}), logged: "ended:"},
	{name: "half a frame", script: once(wstest.Fault{HalfFrameAtMessage: 1}), logged: "ended:"},
	{name: "close 1009 for one record", script: always(wstest.Fault{CloseOnRecord: closeOnLine(badLine, 1009)}), bad: badLine, logged: "reason refused"},
	{name: "close 1007 for one record", script: always(wstest.Fault{CloseOnRecord: closeOnLine(badLine, 1007)}), bad: badLine, logged: "reason refused"},
	{name: "close 1003 for one record", script: always(wstest.Fault{CloseOnRecord: closeOnLine(badLine, 1003)}), bad: badLine, logged: "reason refused"},
	{name: "close 1003 for everything, 6 times", script: firstTimes(6, wstest.Fault{
		CloseOnRecord: func([]byte) int { return 1003 }, CloseReason: "not this format",
	}), logged: "refuses everything"},
	{name: "final nack of everything at first", ack: "message", script: func(int) wstest.Fault {
		begun := time.Now()
		return wstest.Fault{NackReason: "not this format", NackRecord: func([]byte) bool {
			return time.Since(begun) < outage/2
		}}
	}, logged: "refuses everything"},
	{name: "final nack of one record", ack: "message", script: always(wstest.Fault{NackRecord: containsLine(badLine), NackReason: "no good"}), bad: badLine, logged: "no good"},
	{name: "final nack of a message of many", ack: "message", output: "  format: json_lines", script: always(wstest.Fault{NackRecord: containsLine(badLine)}), bad: badLine, logged: "reason refused"},
	{name: "nack to be retried", ack: "message", script: always(wstest.Fault{NackAtMessage: 700, NackRetry: true, NackReason: "disk full"})},
	{name: "confirmations never come", script: func(conn int) wstest.Fault {
		if conn == 1 {
			return wstest.Fault{Delay: time.Hour, MuteAcks: true}
		}
		return wstest.Fault{}
	}, logged: "timeout"},
	{name: "an ack for the future", ack: "message", script: once(wstest.Fault{AckFuture: true}), logged: "was not sent"},
	{name: "malformed acks", ack: "message", script: always(wstest.Fault{MalformedAcks: []string{"hello", "{}", `{"ack":-1}`}}), logged: "was ignored"},
	{name: "black hole: the link is cut for 4 s", host: true, during: func(run *faultRun) {
		run.host.Cut()
		run.isAway(4 * time.Second)
		run.host.Heal()
	}},
	{name: "half-open: answers are lost for 4 s", host: true, during: func(run *faultRun) {
		run.host.CutBack()
		run.isAway(4 * time.Second)
		run.host.Heal()
	}},
	{name: "a firewall forgets the connection", proxy: true, during: func(run *faultRun) {
		run.proxy.Silence()
		run.proxy.Heal()
	}, logged: "timeout"},
	{name: "the server reads slowly", script: always(wstest.Fault{SlowRead: 4 << 20})},
	{name: "the server stops reading", script: once(wstest.Fault{StopReadingAtMessage: 700}), logged: "ended:"},
	{name: "garbage after the upgrade", script: firstTimes(2, wstest.Fault{SendGarbage: []byte("\xff\xfe\xfd garbage")})},
	{name: "a message longer than max_read_bytes", script: once(wstest.Fault{SendHuge: 2 << 20}), logged: "max_read_bytes"},
	{name: "a message that never ends", script: once(wstest.Fault{EndlessMessage: true}), logged: "max_read_bytes"},
	{name: "unasked messages and Pongs", script: always(wstest.Fault{SendMessage: "hello", TinyMessages: 10_000, UnsolicitedPongs: 2})},
	{name: "a flood of Pings", script: always(wstest.Fault{PingFlood: 10_000})},
	{name: "filebeat is killed", during: func(run *faultRun) {
		run.filebeat.Kill()
		run.restart()
	}},
	{name: "filebeat is killed, disk queue", queue: "queue.disk.max_size: 100MB", during: func(run *faultRun) {
		run.filebeat.Kill()
		run.restart()
	}},
	{name: "filebeat is stopped", script: always(wstest.Fault{Delay: 20 * time.Millisecond, AckDelay: 20 * time.Millisecond}), during: func(run *faultRun) {
		require.Zero(run.t, run.filebeat.Stop())
		run.restart()
	}},
	{name: "filebeat is stopped at the moment of the server's death", script: once(wstest.Fault{Delay: time.Hour, MuteAcks: true}), during: func(run *faultRun) {
		// The outputs are closed a second after the signal (docs/delivery.md).
		begun := time.Now()
		death := time.AfterFunc(time.Second, run.server().Kill)
		require.Zero(run.t, run.filebeat.Stop())
		death.Stop()
		run.server().Kill()
		run.away += time.Since(begun)
		run.comeBack()
		run.restart()
	}},
	{name: "filebeat is stopped, disk queue", queue: "queue.disk.max_size: 100MB", during: func(run *faultRun) {
		require.Zero(run.t, run.filebeat.Stop())
		run.restart()
	}},
	{name: "the server is not there for 1 s, disk queue", queue: "queue.disk.max_size: 100MB", during: func(run *faultRun) {
		run.server().Kill()
		run.isAway(outage)
		run.comeBack()
	}},
	{name: "the first address of the name is dead", names: "127.0.0.2 NAME\n127.0.0.1 NAME\n"},
	{name: "one address of the name answers no Ping", ack: "ping", names: sickNames, sick: &wstest.Fault{MutePongs: true}, output: "  timeout: 1s", script: firstTimes(3, wstest.Fault{CloseAtMessage: 700, CloseCode: 1001})},
	{name: "one address of the name hangs", names: sickNames, sick: &wstest.Fault{HangUpgrade: true}, output: "  connect_timeout: 1s", script: firstTimes(3, wstest.Fault{CloseAtMessage: 700, CloseCode: 1001})},
	{name: "one address of the name answers 503", names: sickNames, sick: &wstest.Fault{RefuseStatus: http.StatusServiceUnavailable}, script: firstTimes(3, wstest.Fault{CloseAtMessage: 700, CloseCode: 1001})},
	{
		name: "failover, the other host answers 401", sick: &wstest.Fault{RefuseStatus: http.StatusUnauthorized},
		output: `  loadbalance: false
  backoff: {init: 100ms, max: 1m}
  hosts: ["SERVER", "SICK"]`, script: firstTimes(3, wstest.Fault{CloseAtMessage: 700, CloseCode: 1001}), logged: "401 Unauthorized",
	},
	{name: "the name moves to another address", names: "127.0.0.1 NAME\n", during: func(run *faultRun) {
		run.moveTo("127.0.0.3")
	}},
	{name: "the file is renamed while the server is away", during: func(run *faultRun) {
		run.server().Kill()
		file := run.setup.LogFile("a.log")
		require.NoError(run.t, os.Rename(file, run.setup.LogFile("a-1.log")))
		run.isAway(outage)
		run.comeBack()
	}},
	{name: "rotation with shipped files, the server is away", shipped: true, queue: smallQueue, during: (*faultRun).rotateInAnOutage},
	{name: "rotation with shipped files, the server is slow", shipped: true, queue: smallQueue, script: always(wstest.Fault{SlowRead: slowServer}), during: func(run *faultRun) {
		run.queueIsFull()
		run.rotate()
	}},
	{
		name: "2,000 producers, the server is not there for 1 s", shipped: true, files: 2_000, queue: smallQueue,
		script: always(wstest.Fault{SlowRead: slowServer}), during: (*faultRun).loseServerOfAllFiles,
	},
	{name: "an untrusted certificate, then a trusted one", tls: true, during: func(run *faultRun) {
		run.certificate.Store(run.untrusted)
		run.server().Reset()
		run.isAway(outage)
		run.certificate.Store(run.trusted)
	}, logged: "certificate"},
	{name: "the token file is renewed once the old token is refused", token: true, script: func(conn int) wstest.Fault {
		if conn == 2 {
			return wstest.Fault{RefuseStatus: http.StatusUnauthorized}
		}
		return wstest.Fault{}
	}, during: func(run *faultRun) {
		run.usesToken("old")
		run.server().Reset()
		beattest.Eventually(run.t, patience, "the old token is refused", func() bool {
			return strings.Contains(run.filebeat.Output(), "401 Unauthorized")
		})
		run.setToken("new")
		run.usesToken("new")
	}},
	{name: "a connection's ttl is over", output: "  ttl: 300ms"},
}
