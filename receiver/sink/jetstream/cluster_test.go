// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package jetstream

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	natsjetstream "github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"filebeat-websocket/receiver"
)

// TestAClusterThatLosesItsLeaderMissesNothing publishes while the stream's leader steps
// down, and once while its server is shut down.
func TestAClusterThatLosesItsLeaderMissesNothing(t *testing.T) {
	servers := startCluster(t)
	var hosts []string
	for _, s := range servers {
		hosts = append(hosts, s.Addr().String())
	}
	o, err := Parse("nats://" + strings.Join(hosts, ",") + "/logs?create=true&replicas=3")
	require.NoError(t, err)
	o.startTimeout, o.ackTimeout = 60*time.Second, 3*time.Second
	sink := openSink(t, o)

	const batches, records = 60, 50
	for b := range batches {
		switch b {
		case 15, 30:
			stepDown(t, servers, "logs")
		case 45:
			leader(t, servers, "logs").Shutdown()
		}
		var list []string
		for i := range records {
			list = append(list, withID(b*records+i))
		}
		storeAll(t, sink, list)
	}
	connection, err := nats.Connect(strings.Join(hosts, ","))
	require.NoError(t, err)
	defer connection.Close()
	api, err := natsjetstream.New(connection)
	require.NoError(t, err)
	got := stored(t, api, "logs")
	seen := map[string]int{}
	for _, r := range got {
		seen[r]++
	}
	for i := range batches * records {
		require.Equal(t, 1, seen["logs "+withID(i)], "record %d", i)
	}
	require.Len(t, got, batches*records)
}

// storeAll sends records again until none is refused.
func storeAll(t *testing.T, sink *Sink, list []string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); len(list) > 0; {
		require.True(t, time.Now().Before(deadline))
		var late lateRefusals
		m := messageOf(list...)
		m.Late = &late
		err := sink.Consume(t.Context(), m)
		require.NoError(t, sink.Commit(t.Context()))
		refused := late.all
		if early, ok := err.(*receiver.Refusal); ok { //nolint:errorlint // it is what Consume returns
			refused = append(refused, early)
		}
		var again []string
		for _, refusal := range refused {
			require.True(t, refusal.Retry, refusal.Error())
			if len(refusal.Records) == 0 {
				again = list
				break
			}
			for _, at := range refusal.Records {
				again = append(again, list[at])
			}
		}
		if len(again) > 0 {
			time.Sleep(50 * time.Millisecond)
		}
		list = again
	}
}

func startCluster(t *testing.T) (servers []*server.Server) {
	t.Helper()
	var routes []*url.URL
	for range 3 {
		listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it is only for a free port
		require.NoError(t, err)
		require.NoError(t, listener.Close())
		routes = append(routes, &url.URL{Scheme: "nats", Host: listener.Addr().String()})
	}
	for i := range routes {
		s := startServer(t, func(o *server.Options) {
			o.ServerName = fmt.Sprintf("node-%d", i)
			port, err := strconv.Atoi(routes[i].Port())
			require.NoError(t, err)
			o.Cluster = server.ClusterOpts{Name: "cluster", Host: "127.0.0.1", Port: port}
			o.Routes = routes
		})
		servers = append(servers, s)
	}
	for _, s := range servers {
		require.True(t, s.ReadyForConnections(20*time.Second))
	}
	require.Eventually(t, func() bool {
		for _, s := range servers {
			if s.JetStreamIsLeader() {
				return true
			}
		}
		return false
	}, 30*time.Second, 50*time.Millisecond)
	return servers
}

// leader returns the server that leads the stream.
func leader(t *testing.T, servers []*server.Server, stream string) (found *server.Server) {
	t.Helper()
	require.Eventually(t, func() bool {
		for _, s := range servers {
			if s.Running() && s.JetStreamIsStreamLeader(server.DEFAULT_GLOBAL_ACCOUNT, stream) {
				found = s
				return true
			}
		}
		return false
	}, 30*time.Second, 20*time.Millisecond)
	return found
}

func stepDown(t *testing.T, servers []*server.Server, stream string) {
	t.Helper()
	connection, err := nats.Connect(leader(t, servers, stream).ClientURL())
	require.NoError(t, err)
	defer connection.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_, err = connection.RequestWithContext(ctx, "$JS.API.STREAM.LEADER.STEPDOWN."+stream, nil)
	require.NoError(t, err)
}
