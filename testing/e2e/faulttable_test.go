// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"crypto/tls"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/protocol"
	"filebeat-websocket/testing/beattest"
	"filebeat-websocket/testing/wstest"
)

var faultTable = flag.String("fault-table", "", "a file to write the table of faults to, as Markdown")

// The settings of all rows, which also bound how long a recovery may take.
const (
	faultTimeout    = 2 * time.Second
	faultBackoffMax = time.Second
	faultRecovery   = faultTimeout + faultBackoffMax + faultSlack
	faultSlack      = 5 * time.Second // what a busy machine adds, on which a start alone takes seconds
	faultMiB        = 200             // of memory, whatever the server sends
	fileKiB         = 150             // of memory for each file, if there are many
)

// row is a fault in the table of the contract. Lines flow all the time.
type row struct {
	name   string
	script func(conn int) wstest.Fault // how each connection misbehaves, nil: not at all
	output string                      // more settings of the output
	queue  string                      // the queue's settings, memory with a short flush if empty
	during func(*faultRun)             // what happens in the middle
	bad    int                         // line that the receiver refuses for good, 0 for none
	logged string                      // text that the log has to contain
	ack    string                      // the only strategy to test, both if empty

	// What filebeat reads.
	shipped bool // the inputs of the shipped filebeat.yml
	files   int  // how many files the lines go to in turn, one if 0

	// What stands between filebeat and the server.
	host  bool   // a link that can be cut
	proxy bool   // a proxy that can fall silent
	tls   bool   // TLS, with a certificate that can be exchanged
	names string // an /etc/hosts in which NAME is the server's
	// sick is what another server does, on the same port of 127.0.0.2, which the settings
	// can name as SICK.
	sick  *wstest.Fault
	token bool // a bearer token in a file
	// gateway is a proxy that the settings name.
	gateway *beattest.GatewaySettings
}

// once is a script with that fault on the first connection only.
func once(fault wstest.Fault) func(int) wstest.Fault {
	return firstTimes(1, fault)
}

// firstTimes is a script with that fault on the first connections.
func firstTimes(connections int, fault wstest.Fault) func(int) wstest.Fault {
	return func(conn int) wstest.Fault {
		if conn <= connections {
			return fault
		}
		return wstest.Fault{}
	}
}

func always(fault wstest.Fault) func(int) wstest.Fault {
	return func(int) wstest.Fault { return fault }
}

// faultRun is a running test of a row.
type faultRun struct {
	t        *testing.T
	row      row
	filebeat *beattest.Filebeat
	setup    beattest.Setup
	away     time.Duration // how long the test kept the server unreachable

	host               *beattest.Host
	proxy              *beattest.Proxy
	gateway            *beattest.Gateway
	trusted, untrusted *tls.Certificate
	certificate        atomic.Pointer[tls.Certificate]

	mutex   sync.Mutex
	servers []*wstest.Server // the last is the one in use
	sick    *wstest.Server   // another one, nil without row.sick
}

// serverName is the name of the server in rows with an /etc/hosts.
const serverName = "logs.test"

// start starts the server and returns what goes into the output's settings.
func (run *faultRun) start(r row) (hosts string) {
	var options []wstest.Option
	if r.script != nil {
		options = append(options, wstest.WithScript(r.script))
	}
	scheme := "ws"
	switch {
	case r.host:
		run.host = beattest.NewHost(run.t)
		options = append(options, wstest.WithListener(run.host.Listen()))
	case r.tls:
		scheme = "wss"
		options = append(options, wstest.WithListener(run.listenTLS()))
	}
	server := run.serve(options...)
	address := server.Addr()
	switch {
	case r.proxy:
		run.proxy = beattest.StartProxy(run.t, address)
		address = run.proxy.Addr()
	case r.names != "":
		run.setup.Hosts = filepath.Join(run.setup.Dir, "hosts")
		run.setHosts(r.names)
		_, port, err := net.SplitHostPort(address)
		require.NoError(run.t, err)
		address = net.JoinHostPort(serverName, port)
	case r.gateway != nil:
		run.gateway = beattest.StartGateway(run.t, *r.gateway)
		run.setup.Output = fmt.Sprintf("  proxy_url: http://%s\n", run.gateway.Addr())
	case r.token:
		run.setToken("old")
		run.setup.Output = fmt.Sprintf("  bearer_token_file: %s\n", run.tokenFile())
	}
	if r.sick != nil {
		run.startSick(server, *r.sick)
	}
	return scheme + "://" + address + "/"
}

// sickIP is the address of the server of a row that misbehaves all the time.
const sickIP = "127.0.0.2"

func (run *faultRun) startSick(server *wstest.Server, fault wstest.Fault) {
	_, port, err := net.SplitHostPort(server.Addr())
	require.NoError(run.t, err)
	run.sick = wstest.Start(run.t, wstest.WithAddr(net.JoinHostPort(sickIP, port)), wstest.WithScript(always(fault)), wstest.WithSubprotocols(protocol.Subprotocol))
}

func (run *faultRun) serve(options ...wstest.Option) *wstest.Server {
	server := wstest.Start(run.t, append(options, wstest.WithSubprotocols(protocol.Subprotocol))...)
	run.mutex.Lock()
	defer run.mutex.Unlock()
	run.servers = append(run.servers, server)
	return server
}

// listenTLS listens with a certificate that the row can exchange.
func (run *faultRun) listenTLS() net.Listener {
	ca := beattest.NewCA(run.t)
	run.trusted, run.untrusted = ca.Issue("127.0.0.1"), beattest.NewCA(run.t).Issue("127.0.0.1")
	run.certificate.Store(run.trusted)
	run.setup.Output = fmt.Sprintf("  ssl.certificate_authorities: [%q]\n", ca.File)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return run.certificate.Load(), nil },
	})
	require.NoError(run.t, err)
	return listener
}

func (run *faultRun) setHosts(names string) {
	require.NoError(run.t, os.WriteFile(run.setup.Hosts, []byte("127.0.0.1 localhost\n"+strings.ReplaceAll(names, "NAME", serverName)), 0o600))
}

// server is the one in use.
func (run *faultRun) server() *wstest.Server {
	run.mutex.Lock()
	defer run.mutex.Unlock()
	return run.servers[len(run.servers)-1]
}

// isAway waits; this time does not count as recovery.
func (run *faultRun) isAway(wait time.Duration) {
	time.Sleep(wait)
	run.away += wait
}

// comeBack starts a server at the address of the one that was killed.
func (run *faultRun) comeBack() { run.serve(wstest.WithAddr(run.server().Addr())) }

// hostsCache is how long Go's resolver may use the old content of /etc/hosts.
const hostsCache = 5 * time.Second

// moveTo moves the server and its name to another address.
func (run *faultRun) moveTo(ip string) {
	_, port, err := net.SplitHostPort(run.server().Addr())
	require.NoError(run.t, err)
	run.server().Kill()
	run.setHosts(ip + " NAME\n")
	run.isAway(hostsCache)
	run.serve(wstest.WithAddr(net.JoinHostPort(ip, port)))
}

// restart starts filebeat again after its end.
func (run *faultRun) restart() {
	run.filebeat = beattest.StartFilebeat(run.t, run.setup)
}

// faultLines flow in faultSteps portions.
const (
	faultLines = 6_000
	faultSteps = 60
	faultPace  = 40 * time.Millisecond
)

// outcome is a line of the table in the docs.
type outcome struct {
	name, ack                        string
	sent, unique, duplicate, missing int
	recovery                         time.Duration
}

func (o outcome) String() string {
	return fmt.Sprintf("| %s | %s | %d | %d | %d | %d | %.1f |",
		o.name, o.ack, o.sent, o.unique, o.duplicate, o.missing, o.recovery.Seconds())
}

const tableHead = "| fault | ack | sent | unique | duplicate | missing | recovered after (s) |\n|---|---|--:|--:|--:|--:|--:|\n"

func TestFaultTable(t *testing.T) {
	printed := table{head: tableHead}
	t.Run("rows", func(t *testing.T) {
		for number, r := range faultRows {
			for _, ack := range []string{"ping", "message"} {
				if r.ack != "" && r.ack != ack {
					continue
				}
				t.Run(r.name+", ack "+ack, func(t *testing.T) {
					t.Parallel()
					printed.add(number, r.run(t, ack))
				})
			}
		}
	})
	printed.print(t, *faultTable)
}

func (r row) run(t *testing.T, ack string) outcome {
	run := &faultRun{t: t, row: r, setup: beattest.Setup{
		Dir:   t.TempDir(),
		Extra: r.queue,
		// An input that waits at the end of its file would look like an outage.
		Input: "    backoff: {init: 50ms, max: 50ms}\n",
	}}
	if r.queue == "" {
		run.setup.Extra = "queue.mem.flush.timeout: 50ms"
	}
	if r.shipped {
		run.setup.Inputs = shippedInputs(t, run.setup)
	}
	url := run.start(r)
	more := run.setup.Output + strings.ReplaceAll(r.output, "SERVER", url)
	if run.sick != nil {
		more = strings.ReplaceAll(more, "SICK", run.sick.URL())
	}
	if !strings.Contains(more, "hosts:") {
		more += fmt.Sprintf("\n  hosts: [%q]\n", url)
	}
	run.setup.Output = fmt.Sprintf(`
output.websocket:
  ack: %s
  timeout: %v
  ping_interval: 500ms
  close_timeout: 1s
  backoff: {init: 100ms, max: %v}
  batch_size: 500
%s`, ack, faultTimeout, faultBackoffMax, more)
	require.NoError(t, run.writeStep(0))
	run.filebeat = beattest.StartFilebeat(t, run.setup)

	half, written := make(chan struct{}), make(chan error, 1)
	go func() { written <- run.writeSteps(half) }()
	longest := watchGaps(run)
	<-half
	if r.during != nil {
		beattest.Eventually(t, patience, "filebeat heeds signals", func() bool {
			return strings.Contains(run.filebeat.Output(), "filebeat start running.")
		})
		r.during(run)
	}
	require.NoError(t, <-written)
	for deadline := time.Now().Add(patience); !run.arrived(r.bad); time.Sleep(50 * time.Millisecond) {
		require.True(t, run.filebeat.Running(), "filebeat has ended")
		require.Truef(t, time.Now().Before(deadline), "missing are %.200s; filebeat acked %d events and dropped %d",
			fmt.Sprint(run.missing(r.bad)), run.filebeat.Stat("libbeat.output.events.acked"), run.filebeat.Stat("libbeat.output.events.dropped"))
	}
	recovery := longest() - run.away
	beattest.Eventually(t, patience, "filebeat knows it", run.isKnown)
	rss, err := run.filebeat.RSS()
	require.NoError(t, err)
	require.Less(t, rss>>20, int64(faultMiB+r.files*fileKiB>>10), "MiB of resident memory")
	require.Zero(t, run.filebeat.Stop())

	o := outcome{name: r.name, ack: ack, sent: faultLines, recovery: max(recovery, 0)}
	for seq := 1; seq <= faultLines; seq++ {
		switch received := run.times(seq); {
		case received > 0:
			o.unique++
			o.duplicate += received - 1
		case seq != r.bad:
			o.missing++
		}
	}
	require.Zero(t, o.missing)
	require.NotContains(t, run.filebeat.Output(), "panic")
	if r.logged != "" {
		require.Contains(t, run.filebeat.Output(), r.logged)
	}
	require.LessOrEqual(t, o.recovery, faultRecovery, "time to recover")
	return o
}

// times returns how often a line was received, by all servers together.
func (run *faultRun) times(seq int) (received int) {
	run.mutex.Lock()
	defer run.mutex.Unlock()
	for _, server := range run.servers {
		received += server.Times(seq)
	}
	return received
}

// seen returns how many connections and new lines the servers have seen.
func (run *faultRun) seen() (connections, lines int) {
	run.mutex.Lock()
	defer run.mutex.Unlock()
	for _, server := range run.servers {
		counts := server.Counts()
		connections += counts.Connections
		lines += counts.Unique
	}
	return connections, lines
}

// missing returns the lines that no server has received, without bad.
func (run *faultRun) missing(bad int) (lines []int) {
	for seq := 1; seq <= faultLines; seq++ {
		if seq != bad && run.times(seq) == 0 {
			lines = append(lines, seq)
		}
	}
	return lines
}

// arrived reports whether every line except bad was received.
func (run *faultRun) arrived(bad int) bool {
	if _, lines := run.seen(); lines < faultLines-1 {
		return false
	}
	return len(run.missing(bad)) == 0
}

// watchGaps measures the longest time without a new line, from the first
// connection on. stop ends it and returns the result.
func watchGaps(run *faultRun) (stop func() time.Duration) {
	var longest time.Duration
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		var since time.Time
		before := 0
		for {
			select {
			case <-end:
				return
			case now := <-tick.C:
				connections, lines := run.seen()
				switch {
				case connections == 0:
				case since.IsZero():
					since = now
				case lines > before:
					longest = max(longest, now.Sub(since))
					since, before = now, lines
				}
			}
		}
	}()
	return func() time.Duration {
		close(end)
		<-ended
		return longest
	}
}
