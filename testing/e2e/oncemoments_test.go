// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/receiver"
	"filebeat-websocket/receiver/dedup"
	"filebeat-websocket/receiver/sink/file"
	"filebeat-websocket/testing/beattest"
)

// The moments at which a heldReceiver stops.
const (
	afterWrite = "write" // records are written, and no fsync has begun
	afterSync  = "fsync" // they are synced, and nothing is confirmed
)

// holdCommand makes the test binary a heldReceiver instead.
const holdCommand = "--hold-after"

// heldReceiver is what wsreceiver is made of, put together as it does, in a process of its
// own. Once the file hold is there, it stops in its next Commit, says so and waits to be
// killed.
func heldReceiver(args []string) error {
	flags := flag.NewFlagSet("heldReceiver", flag.ContinueOnError)
	address := flags.String("listen", "", "")
	out := flags.String("out", "", "")
	moment := flags.String("hold-after", "", "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	output, err := file.Open(*out)
	if err != nil {
		return err
	}
	seen := dedup.New(1_000_000, &heldSink{Sink: output, moment: *moment, hold: holdFile(*out)})
	if _, err := seen.Recall(ctx, output.ReadBack); err != nil {
		return err
	}
	handler, err := receiver.New(seen, receiver.Options{})
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", *address)
	if err != nil {
		return err
	}
	slog.New(slog.NewTextHandler(os.Stderr, nil)).Info("listening", "url", "ws://"+listener.Addr().String()+"/ingest")
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	go server.Serve(listener) //nolint:errcheck // it ends with the process
	<-ctx.Done()
	if err := handler.Shutdown(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	return output.Close()
}

// holdFile is the file that makes a heldReceiver stop.
func holdFile(out string) string { return filepath.Join(filepath.Dir(out), "hold") }

const heldText = "it is held"

type heldSink struct {
	receiver.Sink
	moment, hold string
	uncommitted  atomic.Int64
}

func (s *heldSink) Consume(ctx context.Context, m *receiver.Message) error {
	err := s.Sink.Consume(ctx, m)
	s.uncommitted.Add(int64(len(m.Records)))
	return err
}

func (s *heldSink) Commit(ctx context.Context) error {
	fresh := s.uncommitted.Swap(0)
	if s.moment == afterWrite && fresh > 0 {
		s.stop()
	}
	err := s.Sink.Commit(ctx)
	if s.moment == afterSync && fresh > 0 && err == nil {
		s.stop()
	}
	return err
}

func (s *heldSink) stop() {
	if _, err := os.Stat(s.hold); err == nil {
		fmt.Fprintln(os.Stderr, heldText)
		select {} // until it is killed
	}
}

// killHeld kills the receiver at its moment, in which some lines are in its file that it has
// not confirmed.
func (run *onceRun) killHeld() {
	hold := holdFile(run.receiver.File)
	require.NoError(run.t, os.WriteFile(hold, nil, 0o600))
	run.write()
	_, err := run.receiver.Await(regexp.MustCompile(heldText), patience)
	require.NoError(run.t, err)
	time.Sleep(100 * time.Millisecond) // a confirmation that was on its way arrives
	require.Greater(run.t, len(onceNumbers(run.t, run.receiver.File)), run.filebeat.Stat("libbeat.output.events.acked"))
	run.killReceiver()
	require.NoError(run.t, os.Remove(hold))
	run.startReceiver()
}

// ackHolder is a proxy that can hold back confirmations.
type ackHolder struct {
	isHolding atomic.Bool
	held      chan struct{} // gets a value when it holds one
}

func startAckHolder(t *testing.T, target string) (h *ackHolder, address string) {
	h = &ackHolder{held: make(chan struct{}, 1)}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var ended sync.WaitGroup
	ended.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			ended.Go(func() { h.serve(t.Context(), client, target) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		ended.Wait()
	})
	return h, listener.Addr().String()
}

func (h *ackHolder) serve(ctx context.Context, client net.Conn, target string) {
	defer client.Close() //nolint:errcheck // its end is that of the connection
	server, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", target)
	if err != nil {
		return
	}
	defer server.Close() //nolint:errcheck // as above
	var wait sync.WaitGroup
	wait.Go(func() { forwardUntil(server, client, func([]byte) bool { return true }) })
	isHeld := false
	wait.Go(func() {
		forwardUntil(client, server, func(data []byte) bool {
			if !isHeld && h.isHolding.Load() && isConfirmation(data) {
				isHeld = true
				select {
				case h.held <- struct{}{}:
				default:
				}
			}
			return !isHeld
		})
	})
	wait.Wait()
}

// isConfirmation reports whether there is an ack or a Pong in what the server writes.
func isConfirmation(data []byte) bool {
	return bytes.Contains(data, []byte(`{"ack":`)) || bytes.IndexByte(data, 0x8A) >= 0
}

// forwardUntil forwards what passes, until one of them ends.
func forwardUntil(to, from net.Conn, passes func([]byte) bool) {
	defer to.Close()   //nolint:errcheck // the other end is gone
	defer from.Close() //nolint:errcheck // as above
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 && passes(buffer[:n]) {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// holdAck waits until a confirmation is written and does not arrive.
func (run *onceRun) holdAck() {
	select { // of a round before
	case <-run.acks.held:
	default:
	}
	run.acks.isHolding.Store(true)
	run.write()
	select {
	case <-run.acks.held:
	case <-time.After(patience):
		require.FailNow(run.t, "no confirmation to hold back")
	}
}

// momentRows are kills at exact moments.
var momentRows = []onceRow{
	{name: "the server is killed between its write and fsync", holdAfter: afterWrite, fault: (*onceRun).killHeld},
	{name: "the server is killed between its fsync and the ack", holdAfter: afterSync, fault: (*onceRun).killHeld},
	{name: "the server is killed between its ack and the arrival", holdsAcks: true, fault: func(run *onceRun) {
		run.holdAck()
		run.killReceiver()
		run.acks.isHolding.Store(false)
		run.startReceiver()
	}},
	{name: "both are killed between an ack and its arrival", holdsAcks: true, fault: func(run *onceRun) {
		run.holdAck()
		run.killFilebeat()
		run.killReceiver()
		run.acks.isHolding.Store(false)
		run.startReceiver()
		run.startFilebeat()
	}},
}

// startHeldReceiver starts a heldReceiver in place of wsreceiver.
func startHeldReceiver(t *testing.T, moment string) *beattest.Receiver {
	return beattest.StartReceiverProgram(t, os.Args[0], holdCommand, moment)
}
