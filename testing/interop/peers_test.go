// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"filebeat-websocket/testing/beattest"
)

// TestFilebeatShipsThroughEveryPeer makes the table of docs/interop.md.
func TestFilebeatShipsThroughEveryPeer(t *testing.T) {
	var (
		mutex    sync.Mutex
		outcomes = map[string]outcome{} // by name
		names    []string
	)
	t.Run("peers", func(t *testing.T) {
		row := func(name string, start func(t *testing.T) way) {
			names = append(names, name)
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				o := start(t).ship(t)
				mutex.Lock()
				defer mutex.Unlock()
				outcomes[name] = o
			})
		}
		for _, s := range servers {
			row(s.name, s.way)
		}
		for _, x := range proxies {
			row(x.name, x.way)
		}
	})
	var table strings.Builder
	table.WriteString(outcomeHead)
	for _, name := range names {
		if o, done := outcomes[name]; done {
			table.WriteString(o.String())
		}
	}
	t.Log("\n" + table.String())
	// Some rows are left out with -run, or have failed.
	if len(outcomes) == len(names) {
		checkSection(t, "peers", table.String(), withoutDigits)
	}
}

// way is how lines get to a server.
type way struct {
	kind, name, version string
	// killed is the peer that is killed in the middle.
	killed *peer
	// server stores what comes in file.
	server *peer
	file   string
	// settings are those of the output.
	settings string
	// idle opens a connection that stays silent, and returns how long it lasted. It is
	// nil if none of the peers cuts idle connections.
	idle func() time.Duration
}

// way leads straight to the server, which is killed.
func (s testServer) way(t *testing.T) way {
	file := filepath.Join(t.TempDir(), "records.ndjson")
	p := s.start(t, file)
	return way{
		kind: "server", name: s.name, version: p.says(`(?m)^version (\S+)$`),
		killed: p, server: p, file: file,
		settings: fmt.Sprintf("  hosts: [\"ws://%s/ingest\"]\n", p.address()),
	}
}

// way leads through the proxy, which is killed, to a server that is not.
func (x proxy) way(t *testing.T) way {
	file := filepath.Join(t.TempDir(), "records.ndjson")
	behind, ca := nodeServer.start(t, file), beattest.NewCA(t)
	p := x.start(t, ca, behind)
	w := way{name: x.name, version: versionOf(t, x.says, x.version), killed: p, server: behind, file: file}
	if x.url != "" {
		w.kind = "forward proxy"
		w.settings = fmt.Sprintf("  hosts: [\"ws://%s/ingest\"]\n  proxy_url: %s\n", behind.address(), strings.ReplaceAll(x.url, "PROXY", p.address()))
		return w
	}
	w.kind = "reverse proxy"
	url := fmt.Sprintf("wss://%s/ingest", p.address())
	w.settings = fmt.Sprintf("  hosts: [%q]\n  ssl.certificate_authorities: [%q]\n", url, ca.File)
	w.idle = func() time.Duration { return idle(t, url, ca) }
	return w
}
