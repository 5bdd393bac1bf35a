// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
)

var length = flag.Duration("fleet.for", 30*time.Second, "how long lines flow while programs are killed")

const (
	subject     = "logs"
	streamName  = "logs"
	engineKills = 20 * time.Second // between two
	engineAway  = time.Second
)

// Debian's nats-server 2.9.10 has no sync_interval: always: it confirms what the kernel
// has. A killed process loses nothing of that, a machine without power would.
func TestEveryLineIsInTheStreamOnceWhateverIsKilled(t *testing.T) {
	t.Parallel()
	require.NoError(t, install())
	engine, url := startNATS(t)
	addStream(t, url, 1)

	s := openStage(t, url+"/"+subject)
	s.run(*length, func(ctx context.Context) error {
		for {
			select {
			case <-time.After(min(engineKills, *length/3)):
			case <-ctx.Done():
				return nil
			}
			engine.kill()
			time.Sleep(engineAway)
			if err := engine.up(context.WithoutCancel(ctx)); err != nil {
				return err
			}
		}
	})
	t.Logf("after %d kills of nats-server", engine.kills)
	s.account(numbersIn(t, url))
}

// startNATS starts Debian's nats-server with JetStream.
func startNATS(t *testing.T) (engine *victim, url string) {
	t.Helper()
	port, folder := freePort(t), t.TempDir()
	config := filepath.Join(folder, "nats.conf")
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, "listen: 127.0.0.1:%s\njetstream { store_dir: %q }\n", port, filepath.Join(folder, "store")), 0o600))
	engine = &victim{start: func() (*beattest.Process, error) {
		p, err := beattest.OpenProcess(exec.CommandContext(context.WithoutCancel(t.Context()), "/usr/sbin/nats-server", "-c", config))
		if err != nil {
			return nil, err
		}
		return p, awaitPort(t.Context(), port, p)
	}}
	t.Cleanup(engine.end)
	require.NoError(t, engine.up(t.Context()))
	return engine, "nats://127.0.0.1:" + port
}

// awaitPort waits until a process listens.
func awaitPort(ctx context.Context, port string, p *beattest.Process) error {
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", "127.0.0.1:"+port)
		if err == nil {
			return conn.Close()
		}
		if !p.Running() || time.Now().After(deadline) {
			p.Kill()
			return p.Failure(err)
		}
	}
}

func openAPI(t *testing.T, url string) jetstream.JetStream {
	t.Helper()
	connection, err := nats.Connect(url)
	require.NoError(t, err)
	t.Cleanup(connection.Close)
	api, err := jetstream.New(connection)
	require.NoError(t, err)
	return api
}

// leaderOf returns the name of the node that leads the stream, or nothing if there is none.
func leaderOf(ctx context.Context, api jetstream.JetStream) string {
	limited, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	stream, err := api.Stream(limited, streamName)
	if err != nil || stream.CachedInfo().Cluster == nil {
		return ""
	}
	return stream.CachedInfo().Cluster.Leader
}

func addStream(t *testing.T, url string, replicas int) {
	t.Helper()
	api := openAPI(t, url)
	var err error
	beattest.Eventually(t, patience, "the stream is made", func() bool {
		_, err = api.CreateStream(t.Context(), jetstream.StreamConfig{Name: streamName, Subjects: []string{subject}, Storage: jetstream.FileStorage, Replicas: replicas})
		return err == nil
	})
}

// numbersIn returns how often each number is in the stream.
func numbersIn(t *testing.T, url string) map[int]int {
	t.Helper()
	stream, err := openAPI(t, url).Stream(t.Context(), streamName)
	require.NoError(t, err)
	consumer, err := stream.OrderedConsumer(t.Context(), jetstream.OrderedConsumerConfig{})
	require.NoError(t, err)
	messages, err := consumer.Messages()
	require.NoError(t, err)
	defer messages.Stop()
	numbers := map[int]int{}
	for range stream.CachedInfo().State.Msgs {
		message, err := messages.Next()
		require.NoError(t, err)
		numbers[numberOf(t, message.Data())]++
	}
	return numbers
}

// numberOf returns the number of the line in a record.
func numberOf(t *testing.T, record []byte) int {
	t.Helper()
	_, rest, found := bytes.Cut(record, []byte("seq="))
	require.True(t, found, "not a line: %.200q", record)
	digits, _, _ := bytes.Cut(rest[:min(len(rest), 20)], []byte(" "))
	number, err := strconv.Atoi(string(digits))
	require.NoError(t, err)
	return number
}
