// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
	"filebeat-websocket/testing/rfc6455"
)

var updateRFC = flag.Bool("update-rfc6455", false, "write what other libraries do differently to docs/rfc6455.md")

// echoServers send every message back. Their limit is rfc6455.Limit.
var echoServers = []struct {
	name  string
	start func(t *testing.T) (address string)
}{
	{"Node ws", func(t *testing.T) string {
		require.NoError(t, beattest.InstallNodeModule(nodeFolder(t), "ws", nodeModules["ws"]))
		return startEcho(t, []string{"node", testdata(t, "echo", "ws.cjs")}, "NODE_PATH="+filepath.Join(nodeFolder(t), "node_modules"))
	}},
	{"Python websockets", func(t *testing.T) string {
		const module = "/usr/lib/python3/dist-packages/websockets"
		require.NoError(t, beattest.InstallPackages(map[string]string{module: packages[module]}))
		return startEcho(t, []string{debianPython, testdata(t, "echo", "echo.py")})
	}},
	{"Go coder/websocket", func(t *testing.T) string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{CompressionMode: websocket.CompressionNoContextTakeover})
			if err != nil {
				return // it has answered
			}
			defer func() { _ = conn.CloseNow() }() // it has ended
			conn.SetReadLimit(rfc6455.Limit)
			for {
				kind, message, err := conn.Read(r.Context())
				if err != nil || conn.Write(r.Context(), kind, message) != nil {
					return
				}
			}
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

// difference is a case that a library takes otherwise than the table says.
type difference struct{ name, section, expected string }

// TestTheCasesOfTheRFCsHoldForOthersToo shows the cases of docs/rfc6455.md to servers of
// other projects: an expectation that none of them meets would be wrong.
func TestTheCasesOfTheRFCsHoldForOthersToo(t *testing.T) {
	var (
		mutex sync.Mutex
		seen  = map[difference]map[string]string{}
		order []difference
		holds = map[difference]int{}
	)
	note := func(d difference, library, outcome string, isRight bool) {
		mutex.Lock()
		defer mutex.Unlock()
		if isRight {
			holds[d]++
			return
		}
		if seen[d] == nil {
			seen[d] = map[string]string{}
		}
		seen[d][library] = outcome
	}
	for _, c := range rfc6455.Cases() {
		if c.Only != rfc6455.Client {
			order = append(order, difference{c.Group + ": " + c.Name, c.Section, c.Expected()})
		}
	}
	for _, h := range rfc6455.Handshakes() {
		if h.Side == rfc6455.Server {
			order = append(order, difference{h.Group + ": " + h.Name, h.Section, h.Expected()})
		}
	}
	for _, server := range echoServers {
		address := server.start(t)
		dial := func() net.Conn {
			conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
			if err != nil {
				panic(err) // a library that has ended: no case is worth that
			}
			return conn
		}
		turns := make(chan struct{}, 16)
		var all sync.WaitGroup
		for _, c := range rfc6455.Cases() {
			if c.Only == rfc6455.Client {
				continue
			}
			turns <- struct{}{}
			all.Go(func() {
				defer func() { <-turns }()
				conn := dial()
				outcome := rfc6455.Seen{}
				if in, err := rfc6455.Upgrade(conn, "/", c.Deflate); err != nil {
					outcome.Fault = err.Error()
					_ = conn.Close()
				} else {
					outcome = rfc6455.Play(c, rfc6455.Server, conn, in, nil)
				}
				note(difference{c.Group + ": " + c.Name, c.Section, c.Expected()}, server.name, outcome.String(), c.HoldsWithEchoes(outcome))
			})
		}
		for _, h := range rfc6455.Handshakes() {
			if h.Side == rfc6455.Client {
				continue
			}
			turns <- struct{}{}
			all.Go(func() {
				defer func() { <-turns }()
				outcome := h.ToServer(dial(), "/")
				note(difference{h.Group + ": " + h.Name, h.Section, h.Expected()}, server.name, outcome, h.Holds(outcome))
			})
		}
		all.Wait()
	}
	var table strings.Builder
	table.WriteString("| case | section | expected |")
	for _, server := range echoServers {
		table.WriteString(" " + server.name + " |")
	}
	table.WriteString("\n|---|---|---|---|---|---|\n")
	for _, d := range order {
		require.NotZero(t, holds[d], "%s (%s): expected: %s; no library does that: %v", d.name, d.section, d.expected, seen[d])
		if seen[d] == nil {
			continue
		}
		fmt.Fprintf(&table, "| %s | %s | %s |", d.name, d.section, d.expected)
		for _, server := range echoServers {
			table.WriteString(" " + seen[d][server.name] + " |")
		}
		table.WriteString("\n")
	}
	requireDifferences(t, table.String())
}

func requireDifferences(t *testing.T, want string) {
	t.Helper()
	document := filepath.Join(beattest.Root(t), "docs", "rfc6455.md")
	content, err := os.ReadFile(document)
	require.NoError(t, err)
	opening, end := "<!-- others: begin -->\n", "<!-- others: end -->"
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
