// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"context"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
	"filebeat-websocket/testing/rfc6455"
)

var updateRFC = flag.Bool("update-rfc6455", false, "write what other libraries do differently to docs/rfc6455.md")

// nodeEnv installs the module ws and returns where Node finds it.
func nodeEnv(t *testing.T) string {
	t.Helper()
	require.NoError(t, beattest.InstallNodeModule(nodeFolder(t), "ws", nodeModules["ws"]))
	return "NODE_PATH=" + filepath.Join(nodeFolder(t), "node_modules")
}

func installWebsockets(t *testing.T) {
	t.Helper()
	const module = "/usr/lib/python3/dist-packages/websockets"
	require.NoError(t, beattest.InstallPackages(map[string]string{module: packages[module]}))
}

// echoServers send every message back. Their limit is rfc6455.Limit.
var echoServers = []struct {
	name  string
	start func(t *testing.T) (address string)
}{
	{"Node ws", func(t *testing.T) string {
		return startEcho(t, []string{"node", testdata(t, "echo", "ws.cjs")}, nodeEnv(t))
	}},
	{"Python websockets", func(t *testing.T) string {
		installWebsockets(t)
		return startEcho(t, []string{debianPython, testdata(t, "echo", "echo.py")})
	}},
	{"Go coder/websocket", func(t *testing.T) string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{CompressionMode: websocket.CompressionNoContextTakeover})
			if err != nil {
				return // it has answered
			}
			sendBack(r.Context(), conn)
		}))
		t.Cleanup(server.Close)
		return server.Listener.Addr().String()
	}},
}

func startEcho(t *testing.T, command []string, env ...string) (address string) {
	t.Helper()
	port := freePort(t)
	p := &peer{t: t, command: append(command, port), env: env, folder: t.TempDir(), port: port}
	p.start()
	return p.address()
}

// atOnce is how many cases run at a time.
const atOnce = 16

// echoClients open atOnce connections to an address again and again, and send every
// message back. Those that deflate offer rfc6455.DeflateOffer. Their limit is
// rfc6455.Limit.
var echoClients = []struct {
	name  string
	start func(t *testing.T, address string, deflate bool)
}{
	{"Node ws", func(t *testing.T, address string, deflate bool) {
		startClient(t, []string{"node", testdata(t, "echo", "wsclient.cjs")}, address, deflate, nodeEnv(t))
	}},
	{"Python websockets", func(t *testing.T, address string, deflate bool) {
		installWebsockets(t)
		startClient(t, []string{debianPython, testdata(t, "echo", "client.py")}, address, deflate)
	}},
	{"Go coder/websocket", func(t *testing.T, address string, deflate bool) {
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		t.Cleanup(func() {
			cancel()
			all.Wait()
		})
		options := &websocket.DialOptions{CompressionMode: websocket.CompressionDisabled}
		if deflate {
			options.CompressionMode = websocket.CompressionNoContextTakeover
		}
		for range atOnce {
			all.Go(func() {
				for ; ctx.Err() == nil; time.Sleep(5 * time.Millisecond) {
					if conn, _, err := websocket.Dial(ctx, "ws://"+address+"/", options); err == nil {
						sendBack(ctx, conn)
					}
				}
			})
		}
	}},
}

func startClient(t *testing.T, command []string, address string, deflate bool, env ...string) {
	t.Helper()
	mode := "plain"
	if deflate {
		mode = "deflate"
	}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), command[0], append(command[1:], address, mode, strconv.Itoa(atOnce))...)
	cmd.Env = append(os.Environ(), env...)
	beattest.StartProcess(t, cmd)
}

func sendBack(ctx context.Context, conn *websocket.Conn) {
	defer func() { _ = conn.CloseNow() }() // it has ended
	conn.SetReadLimit(rfc6455.Limit)
	for {
		kind, message, err := conn.Read(ctx)
		if err != nil || conn.Write(ctx, kind, message) != nil {
			return
		}
	}
}

// difference is a case that a library takes otherwise than the table says.
type difference struct{ name, section, expected string }

func ofCase(c rfc6455.Case) difference {
	return difference{c.Group + ": " + c.Name, c.Section, c.Expected()}
}

func ofHandshake(h rfc6455.Handshake) difference {
	return difference{h.Group + ": " + h.Name, h.Section, h.Expected()}
}

// comparison is what libraries make of the cases of one side.
type comparison struct {
	side      rfc6455.Side
	libraries []string

	mutex sync.Mutex
	seen  map[difference]map[string]string
	holds map[difference]int
}

func (c *comparison) note(d difference, library, outcome string, isRight bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if isRight {
		c.holds[d]++
		return
	}
	if c.seen[d] == nil {
		c.seen[d] = map[string]string{}
	}
	c.seen[d][library] = outcome
}

// run shows all cases of the side to a library.
func (c *comparison) run(library string, play func(rfc6455.Case) rfc6455.Seen, shake func(rfc6455.Handshake) string) {
	c.libraries = append(c.libraries, library)
	turns := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for _, one := range rfc6455.Cases() {
		if one.Only != "" && one.Only != c.side {
			continue
		}
		turns <- struct{}{}
		all.Go(func() {
			defer func() { <-turns }()
			outcome := play(one)
			c.note(ofCase(one), library, outcome.String(), one.HoldsWithEchoes(outcome))
		})
	}
	for _, one := range rfc6455.Handshakes() {
		if one.Side != c.side {
			continue
		}
		turns <- struct{}{}
		all.Go(func() {
			defer func() { <-turns }()
			outcome := shake(one)
			c.note(ofHandshake(one), library, outcome, one.Holds(outcome))
		})
	}
	all.Wait()
}

// table returns the differences. Each case has to hold for a library.
func (c *comparison) table(t *testing.T) string {
	t.Helper()
	var order []difference
	for _, one := range rfc6455.Cases() {
		if one.Only == "" || one.Only == c.side {
			order = append(order, ofCase(one))
		}
	}
	for _, one := range rfc6455.Handshakes() {
		if one.Side == c.side {
			order = append(order, ofHandshake(one))
		}
	}
	var table strings.Builder
	table.WriteString("| case | section | expected |")
	for _, library := range c.libraries {
		table.WriteString(" " + library + " |")
	}
	table.WriteString("\n|---|---|---|" + strings.Repeat("---|", len(c.libraries)) + "\n")
	for _, d := range order {
		require.NotZero(t, c.holds[d], "%s (%s): expected: %s; no library does that: %v", d.name, d.section, d.expected, c.seen[d])
		if c.seen[d] == nil {
			continue
		}
		fmt.Fprintf(&table, "| %s | %s | %s |", d.name, d.section, d.expected)
		for _, library := range c.libraries {
			table.WriteString(" " + c.seen[d][library] + " |")
		}
		table.WriteString("\n")
	}
	return table.String()
}

func newComparison(side rfc6455.Side) *comparison {
	return &comparison{side: side, seen: map[difference]map[string]string{}, holds: map[difference]int{}}
}

// TestTheCasesOfTheRFCsHoldForOthersToo shows the cases of docs/rfc6455.md to servers of
// other projects: an expectation that none of them meets would be wrong.
func TestTheCasesOfTheRFCsHoldForOthersToo(t *testing.T) {
	servers := newComparison(rfc6455.Server)
	for _, server := range echoServers {
		address := server.start(t)
		dial := func() net.Conn {
			conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
			if err != nil {
				panic(err) // a library that has ended: no case is worth that
			}
			return conn
		}
		servers.run(server.name, func(c rfc6455.Case) rfc6455.Seen {
			conn := dial()
			in, err := rfc6455.Upgrade(conn, "/", c.Deflate)
			if err != nil {
				_ = conn.Close()
				return rfc6455.Seen{Fault: err.Error()}
			}
			return rfc6455.Play(c, rfc6455.Server, conn, in, nil)
		}, func(h rfc6455.Handshake) string { return h.ToServer(dial(), "/") })
	}
	requireDifferences(t, "others", servers.table(t))
}

// TestTheCasesOfTheRFCsHoldForOtherClientsToo is the same with clients of other projects.
func TestTheCasesOfTheRFCsHoldForOtherClientsToo(t *testing.T) {
	clients := newComparison(rfc6455.Client)
	for _, client := range echoClients {
		listeners := map[bool]net.Listener{}
		for _, deflate := range []bool{false, true} {
			listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
			require.NoError(t, err)
			t.Cleanup(func() { _ = listener.Close() })
			listeners[deflate] = listener
			client.start(t, listener.Addr().String(), deflate)
		}
		accept := func(deflate bool) net.Conn {
			conn, err := listeners[deflate].Accept()
			if err != nil {
				panic(err) // only the end of the test closes it
			}
			return conn
		}
		clients.run(client.name, func(c rfc6455.Case) rfc6455.Seen {
			conn := accept(c.Deflate)
			in, err := rfc6455.Accept(conn, c.Deflate)
			if err != nil {
				_ = conn.Close()
				return rfc6455.Seen{Fault: err.Error()}
			}
			return rfc6455.Play(c, rfc6455.Client, conn, in, nil)
		}, func(h rfc6455.Handshake) string { return h.ToClient(accept(h.Deflate)) })
		for _, listener := range listeners {
			require.NoError(t, listener.Close())
		}
	}
	requireDifferences(t, "clients", clients.table(t))
}

// requireDifferences compares a table with the one in the document, or writes it there.
func requireDifferences(t *testing.T, mark, want string) {
	t.Helper()
	document := filepath.Join(beattest.Root(t), "docs", "rfc6455.md")
	content, err := os.ReadFile(document)
	require.NoError(t, err)
	opening, end := "<!-- "+mark+": begin -->\n", "<!-- "+mark+": end -->"
	before, rest, found := strings.Cut(string(content), opening)
	require.True(t, found)
	is, after, found := strings.Cut(rest, end)
	require.True(t, found)
	if *updateRFC {
		require.NoError(t, os.WriteFile(document, []byte(before+opening+want+end+after), 0o644))
		return
	}
	require.Equal(t, want, is, "go test ./testing/interop -run TestTheCasesOfTheRFCs -update-rfc6455 writes it")
}
