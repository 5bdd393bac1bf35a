// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package attack

import (
	"context"
	"flag"
	"io"
	"net"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	flag.Parse()
	goleak.VerifyTestMain(m)
}

// TestEveryAttackEndsWithItsContext has a listener that reads everything and answers
// nothing.
func TestEveryAttackEndsWithItsContext(t *testing.T) {
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var serving sync.WaitGroup
	t.Cleanup(func() {
		require.NoError(t, listener.Close())
		serving.Wait()
	})
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				_, _ = io.Copy(io.Discard, conn)
				_ = conn.Close()
			})
		}
	})
	for _, kind := range []Kind{WebSocket, HTTP, Forward} {
		require.NotEmpty(t, For(kind))
		for _, a := range For(kind) {
			t.Run(string(kind)+": "+a.Name, func(t *testing.T) {
				t.Parallel()
				a.Clients = min(a.Clients, 4)
				ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
				defer cancel()
				require.NoError(t, a.Run(ctx, Target{Kind: kind, Address: listener.Addr().String(), Path: "/ingest"}, func() {}))
			})
		}
	}
}

// TestWhoeverLetsStrangersInIsBlamed has a server that answers all with 200.
func TestWhoeverLetsStrangersInIsBlamed(t *testing.T) {
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
			_ = conn.Close()
		}
	})
	blamed := 0
	for _, a := range For(HTTP) {
		if !strings.Contains(a.Name, "tokens") && !strings.Contains(a.Name, "browser") {
			continue
		}
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		require.ErrorContains(t, a.Run(ctx, Target{Kind: HTTP, Address: listener.Addr().String(), Path: "/ingest", Token: "x"}, func() {}), "let in")
		cancel()
		blamed++
	}
	require.Equal(t, 2, blamed)
	require.NoError(t, listener.Close())
	serving.Wait()
}

// TestDocsSayWhatEveryAttackCosts compares the table of docs/receiver.md, whose first
// column is the name of an attack, with the attacks on wsreceiver.
func TestDocsSayWhatEveryAttackCosts(t *testing.T) {
	content, err := os.ReadFile("../../docs/receiver.md")
	require.NoError(t, err)
	_, section, found := strings.Cut(string(content), "\n## What a hostile client can do, and what it costs\n")
	require.True(t, found)
	section, _, _ = strings.Cut(section, "\n## ")
	var documented, attacks []string
	for _, row := range regexp.MustCompile(`(?m)^\| (.+?) \|`).FindAllStringSubmatch(section, -1)[1:] {
		documented = append(documented, row[1])
	}
	for kind, all := range together {
		for _, a := range For(kind) {
			attacks = append(attacks, a.Name)
		}
		attacks = append(attacks, all)
	}
	require.ElementsMatch(t, attacks, documented)
}

// together is the name of several attacks at once, on a kind of wsreceiver's listeners.
var together = map[Kind]string{
	WebSocket: "does the three that take most memory at once",
	Forward:   "does the three requests that take most memory at once",
}
