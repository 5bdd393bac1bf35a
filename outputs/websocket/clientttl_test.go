// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/elastic/beats/v7/libbeat/outputs/outest"

	"filebeat-websocket/testing/beattest"
	"filebeat-websocket/testing/wstest"
)

// upgraded waits until a server has had so many connections.
func upgraded(t *testing.T, server *wstest.Server, connections int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	require.NoError(t, server.Wait(ctx, func(c wstest.Counts) bool { return c.Upgraded >= connections }))
}

func TestAConnectionWithoutTrafficIsReplacedAfterItsTTL(t *testing.T) {
	server := wstest.Start(t)
	f := newFixture(t, `ttl: 100ms`, server)
	require.NoError(t, f.client.Connect())
	upgraded(t, server, 4)
	batch, signals := f.batch(1, 20)
	require.NoError(t, f.client.Publish(context.Background(), batch))
	require.Equal(t, outest.BatchACK, awaitSignal(t, signals).Tag)
	require.Empty(t, server.Missing(1, 20))
	require.NoError(t, f.client.Close())
	for _, conn := range server.Conns() {
		require.Equal(t, 1000, conn.CloseCode)
	}
	require.Zero(t, f.metric("connections.open"))
}

func TestBatchesGoOnWhileConnectionsAreReplaced(t *testing.T) {
	server := wstest.Start(t, wstest.WithScript(func(int) wstest.Fault {
		return wstest.Fault{Delay: 5 * time.Millisecond}
	}))
	f := newFixture(t, `{ttl: 20ms, pipelining: 4}`, server)
	require.NoError(t, f.client.Connect())
	last := 0
	for server.Counts().Upgraded < 10 {
		batch, signals := f.batch(last+1, last+10)
		require.NoError(t, f.client.Publish(context.Background(), batch))
		require.Equal(t, outest.BatchACK, awaitSignal(t, signals).Tag)
		last += 10
	}
	require.Empty(t, server.Missing(1, last))
	require.Zero(t, server.Counts().Duplicate)
}

func TestAReplacementThatFailsIsSaidAndLeftToTheNextConnect(t *testing.T) {
	logged := observeLogs(t)
	server := wstest.Start(t, wstest.WithScript(func(conn int) wstest.Fault {
		if conn == 2 {
			return wstest.Fault{RefuseStatus: 503}
		}
		return wstest.Fault{}
	}))
	f := newFixture(t, `ttl: 100ms`, server)
	require.NoError(t, f.client.Connect())
	beattest.Eventually(t, 10*time.Second, "the failure is logged", func() bool {
		return strings.Contains(logged(), "could not be replaced: the server answered the upgrade with 503")
	})
	batch, signals := f.batch(1, 20)
	require.Error(t, f.client.Publish(context.Background(), batch))
	require.Equal(t, outest.BatchCancelled, awaitSignal(t, signals).Tag)
	f.publishes(t)
}

func TestAgeOfAConnectionIsSpread(t *testing.T) {
	const ttl = time.Hour
	ages := map[time.Duration]bool{}
	for range 20 {
		age := lifetime(ttl)
		require.GreaterOrEqual(t, age, ttl*9/10)
		require.LessOrEqual(t, age, ttl*11/10)
		ages[age.Truncate(time.Second)] = true
	}
	require.Greater(t, len(ages), 10)
}
