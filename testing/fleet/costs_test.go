// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"filebeat-websocket/protocol"
	"filebeat-websocket/testing/beattest"
)

const (
	costConnections = 50
	costRecords     = 20_000 // of each case
	costHandshakes  = 500
	recordBytes     = 670 // of a usual event, as docs/performance.md has it
	clockTicks      = 100 // per second, in /proc
)

// TestWhatAFleetCosts prints the figures that docs/scale.md calculates with: the CPU time of
// wsreceiver for a record, a message and a connection. CPU time, unlike a rate, is nearly
// the same on a busy machine.
func TestWhatAFleetCosts(t *testing.T) {
	require.NoError(t, install())
	engine, url := startNATS(t)
	addStream(t, url, 1)
	for _, sink := range []struct{ name, out string }{
		{"file, --sync=false", filepath.Join(t.TempDir(), "records.ndjson")},
		{"nats://", url + "/" + subject},
	} {
		engineBefore := cpuOf(t, engine.process)
		p, address := openReceiver(t, "--out="+sink.out, "--sync=false", "--quiet")
		few, took := sendRecords(t, p, address, 5)
		many, _ := sendRecords(t, p, address, 50)
		// cost = records × a + messages × b, twice.
		perMessage := (few - many) / (costRecords/5 - costRecords/50)
		perRecord := (many - perMessage*costRecords/50) / costRecords
		t.Logf("| %s | %.1f µs | %.1f µs |", sink.name, float64(perRecord)/1e3, float64(perMessage)/1e3)
		t.Logf("messages of 5 records: %.0f records/s over %d connections", costRecords/took.Seconds(), costConnections)
		require.Positive(t, perMessage)
		t.Logf("nats-server: %.1f µs a record", float64(cpuOf(t, engine.process)-engineBefore)/1e3/(2*costRecords))
	}

	ca := beattest.NewCA(t)
	certificate, key := beattest.WriteKeyPair(t, t.TempDir(), ca.Issue("127.0.0.1"), "")
	p, address := openReceiver(t, "--out="+filepath.Join(t.TempDir(), "r"), "--quiet", "--tls-cert="+certificate, "--tls-key="+key)
	before := cpuOf(t, p)
	dialer := websocket.Dialer{TLSClientConfig: &tls.Config{RootCAs: ca.Pool(), MinVersion: tls.VersionTLS12}, Subprotocols: []string{protocol.Subprotocol}}
	for range costHandshakes {
		ws, res, err := dialer.DialContext(t.Context(), address, nil)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.NoError(t, ws.Close())
	}
	perHandshake := (cpuOf(t, p) - before) / costHandshakes
	t.Logf("| a connection, with TLS 1.3 and ECDSA P-256 | %.2f ms |", float64(perHandshake)/1e6)
	require.Positive(t, perHandshake)
}

func openReceiver(t *testing.T, args ...string) (p *beattest.Process, address string) {
	t.Helper()
	p, address, err := beattest.OpenReceiver(exec.CommandContext(context.WithoutCancel(t.Context()), beattest.Binary(t, "wsreceiver"), append([]string{"--listen=127.0.0.1:0"}, args...)...))
	require.NoError(t, err)
	t.Cleanup(p.Kill)
	return p, address
}

// cpuOf returns the CPU time of a process so far.
func cpuOf(t *testing.T, p *beattest.Process) time.Duration {
	t.Helper()
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.PID()))
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(content), ") ")
	require.True(t, found)
	fields := strings.Fields(rest)
	ticks := 0
	for _, field := range fields[11:13] { // utime, stime
		number, err := strconv.Atoi(field)
		require.NoError(t, err)
		ticks += number
	}
	return time.Duration(ticks) * time.Second / clockTicks
}

// sendRecords sends costRecords in messages of so many, each once the one before is
// confirmed, as an agent does that sends what its queue has. It returns the CPU time of
// the receiver, and the time that it took.
func sendRecords(t *testing.T, p *beattest.Process, address string, each int) (cpu, took time.Duration) {
	t.Helper()
	before, begun := cpuOf(t, p), time.Now()
	failures := make(chan error, costConnections)
	var sending sync.WaitGroup
	for connection := range costConnections {
		sending.Go(func() { failures <- sendMessages(t.Context(), address, connection, each) })
	}
	sending.Wait()
	for range costConnections {
		require.NoError(t, <-failures)
	}
	return cpuOf(t, p) - before, time.Since(begun)
}

func sendMessages(ctx context.Context, address string, connection, each int) error {
	dialer := websocket.Dialer{Subprotocols: []string{protocol.Subprotocol}}
	ws, res, err := dialer.DialContext(ctx, address, nil)
	if err != nil {
		return err
	}
	defer ws.Close() //nolint:errcheck // the connection is over
	if err := res.Body.Close(); err != nil {
		return err
	}
	for n := range costRecords / costConnections / each {
		var message []byte
		for i := range each {
			head := fmt.Sprintf(`{"@timestamp":"2021-02-05T22:17:09.123Z","@metadata":{"_id":"%d-%d-%d-%d"},"agent":{"id":"%d"},"message":"`, each, connection, n, i, connection)
			message = append(message, head...)
			message = append(message, strings.Repeat("x", recordBytes-len(head)-3)...)
			message = append(message, "\"}\n"...)
		}
		if err := ws.WriteMessage(websocket.TextMessage, message); err != nil {
			return err
		}
		if err := awaitAck(ws, uint64(n+1)); err != nil {
			return err
		}
	}
	return nil
}

// awaitAck reads what is said meanwhile, such as progress, and the confirmation.
func awaitAck(ws *websocket.Conn, number uint64) error {
	for {
		_, text, err := ws.ReadMessage()
		if err != nil {
			return err
		}
		reply, err := protocol.ParseReply(text)
		switch {
		case err != nil:
			return err
		case reply.Ack == number:
			return nil
		case !reply.Progress && reply.Pause == 0:
			return fmt.Errorf("%q is not the confirmation of message %d", text, number)
		}
	}
}
