// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
)

const (
	nodes       = 3
	maxLog      = 20_000
	leaderLoses = 10 * time.Second // between two
)

// cluster is a cluster of JetStream in this process.
type cluster struct {
	t       *testing.T
	options []*server.Options
	running []*server.Server
}

func startCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{t: t}
	var routes []*url.URL
	for i := range nodes {
		client, err := strconv.Atoi(freePort(t))
		require.NoError(t, err)
		peer, err := strconv.Atoi(freePort(t))
		require.NoError(t, err)
		routes = append(routes, &url.URL{Scheme: "nats", Host: fmt.Sprintf("127.0.0.1:%d", peer)})
		c.options = append(c.options, &server.Options{
			ServerName: fmt.Sprintf("node-%d", i+1),
			Host:       "127.0.0.1", Port: client,
			Cluster:   server.ClusterOpts{Name: "fleet", Host: "127.0.0.1", Port: peer},
			JetStream: true, StoreDir: t.TempDir(),
			NoSigs: true, LogFile: filepath.Join(t.TempDir(), "log"), Logtime: true,
		})
	}
	for _, options := range c.options {
		options.Routes = routes
		node, err := c.start(options)
		require.NoError(t, err)
		c.running = append(c.running, node)
	}
	t.Cleanup(func() {
		for _, node := range c.running {
			node.Shutdown()
			node.WaitForShutdown()
		}
		for _, options := range c.options {
			if text, err := os.ReadFile(options.LogFile); err == nil && t.Failed() {
				t.Logf("end of the log of %s:\n%s", options.ServerName, text[max(0, len(text)-maxLog):])
			}
		}
	})
	return c
}

func (c *cluster) start(options *server.Options) (*server.Server, error) {
	node, err := server.NewServer(options.Clone())
	if err != nil {
		return nil, err
	}
	node.ConfigureLogger()
	node.Start()
	if !node.ReadyForConnections(patience) {
		return nil, fmt.Errorf("%s does not get ready", options.ServerName)
	}
	return node, nil
}

// hosts returns the addresses of all nodes, as in a URL.
func (c *cluster) hosts() string {
	var hosts []string
	for _, options := range c.options {
		hosts = append(hosts, fmt.Sprintf("127.0.0.1:%d", options.Port))
	}
	return strings.Join(hosts, ",")
}

// A node is ended like a process that gets SIGTERM: it is part of this one, and cannot be
// killed.
func TestEveryLineIsInTheStreamOnceWhateverLeaderItLoses(t *testing.T) {
	t.Parallel()
	require.NoError(t, install())
	c := startCluster(t)
	url := "nats://" + c.hosts()
	addStream(t, url, nodes)
	api := openAPI(t, url)

	s := openStage(t, url+"/"+subject)
	lost := map[string]int{}
	s.run(*length, func(ctx context.Context) error {
		for {
			select {
			case <-time.After(min(leaderLoses, *length/4)):
			case <-ctx.Done():
				return nil
			}
			leader := leaderOf(ctx, api)
			for i, options := range c.options {
				if options.ServerName != leader {
					continue
				}
				c.running[i].Shutdown()
				c.running[i].WaitForShutdown()
				lost[leader]++
				time.Sleep(engineAway)
				node, err := c.start(options)
				if err != nil {
					return err
				}
				c.running[i] = node
			}
		}
	})
	t.Logf("leaders lost: %v", lost)
	require.NotEmpty(t, lost)
	beattest.Eventually(t, patience, "the stream has a leader", func() bool { return leaderOf(t.Context(), api) != "" })
	s.account(numbersIn(t, url))
}
