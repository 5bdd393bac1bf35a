// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/binary"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/klauspost/compress/gzip"
	"github.com/stretchr/testify/require"
	"github.com/tinylib/msgp/msgp"

	"filebeat-websocket/protocol"
	"filebeat-websocket/testing/beattest"
)

const (
	// longestMessage is the default of --max-message-bytes.
	longestMessage = 1 << 20
	// goodPause is the time between two messages of the good client.
	goodPause = 10 * time.Millisecond
	// attackTime is for how long each attack goes on once it has begun.
	attackTime = 3 * time.Second
	// reconnectPause leaves some of this machine's processors to the receiver.
	reconnectPause = 100 * time.Millisecond
)

// hostileFrame returns a frame, masked with zeros, with as much of its payload as
// there is, and any length in its header. RFC 6455 5.2.
func hostileFrame(first byte, length int, payload []byte) []byte {
	header := binary.BigEndian.AppendUint64([]byte{first, 0x80 | 127}, uint64(length))
	return append(append(header, 0, 0, 0, 0), payload...)
}

const (
	textMessage       = 0x81
	binaryMessage     = 0x82
	compressedMessage = 0xC1 // of text, RFC 7692 6
)

// attack is what clients send without end: each its message, again and again, or if it
// stalls only once, on a connection that is opened again when it ends.
type attack struct {
	clients int
	message []byte
	stalls  bool
	deaf    bool // reads nothing
}

func deflated(t *testing.T, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	require.NoError(t, err)
	_, err = w.Write(content)
	require.NoError(t, err)
	require.NoError(t, w.Flush())
	return bytes.TrimSuffix(b.Bytes(), []byte{0, 0, 0xff, 0xff})
}

// zippedRequest returns a request of Fluent Forward with entries that are gzip.
func zippedRequest(t *testing.T, entries []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(entries)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	request := msgp.AppendString(msgp.AppendArrayHeader(nil, 3), strings.Repeat("t", 1000))
	request = msgp.AppendBytes(request, b.Bytes())
	return msgp.AppendString(msgp.AppendString(msgp.AppendMapHeader(request, 1), "compressed"), "gzip")
}

func attacks(t *testing.T) map[string]attack {
	t.Helper()
	entry := msgp.AppendMapHeader(msgp.AppendInt(msgp.AppendArrayHeader(nil, 2), 0), 0)
	stalled := hostileFrame(textMessage, longestMessage, bytes.Repeat([]byte("x"), longestMessage-1))
	tiny := bytes.Repeat([]byte("{}"), longestMessage/2)
	zeros := deflated(t, make([]byte, 64<<20))
	request := zippedRequest(t, bytes.Repeat(entry, longestMessage/len(entry)))
	// The window of flate, and as much as a message can be.
	pings := bytes.Repeat(append([]byte{0x89, 0x80 | 125, 0, 0, 0, 0}, make([]byte, 125)...), 1000)
	half := deflated(t, bytes.Repeat([]byte("x"), longestMessage-1))
	return map[string]attack{
		"messages that never end":                       {1024, stalled, true, false},
		"messages of tiny records":                      {32, hostileFrame(textMessage, len(tiny), tiny), false, false},
		"messages that are inflated without end":        {32, hostileFrame(compressedMessage, len(zeros), zeros), false, false},
		"messages that are inflated and then never end": {1024, hostileFrame(compressedMessage, len(half)+1, half), true, false},
		"entries that are inflated and then multiplied": {32, hostileFrame(binaryMessage, len(request), request), false, false},
		"control characters":                            {8, hostileFrame(binaryMessage, longestMessage, make([]byte, longestMessage)), false, false},
		"Pings whose answers are not read":              {64, pings, false, true},
	}
}

// run has all clients of the attack at work until ctx ends. established is called once
// each has sent its message for the first time.
func (a attack) run(ctx context.Context, url string, established func()) {
	var clients, begun sync.WaitGroup
	begun.Add(a.clients)
	for range a.clients {
		clients.Go(func() {
			begin := sync.OnceFunc(begun.Done)
			defer begin()
			for ctx.Err() == nil {
				a.connect(ctx, url, begin)
				select {
				case <-time.After(reconnectPause):
				case <-ctx.Done():
				}
			}
		})
	}
	begun.Wait()
	established()
	clients.Wait()
}

// connect sends over one connection until that ends. Whatever goes wrong is what the
// receiver does to defend itself.
func (a attack) connect(ctx context.Context, url string, sent func()) {
	dialer := websocket.Dialer{Subprotocols: []string{protocol.Subprotocol}, EnableCompression: true}
	ws, response, err := dialer.DialContext(ctx, url, nil)
	if response != nil {
		_ = response.Body.Close()
	}
	if err != nil {
		return
	}
	stop := context.AfterFunc(ctx, func() { _ = ws.Close() })
	defer stop()
	defer ws.Close() //nolint:errcheck // there is nothing left to say
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		defer ws.Close() //nolint:errcheck // it ends the writer
		if a.deaf {
			<-ctx.Done()
			return
		}
		for {
			if _, _, err := ws.ReadMessage(); err != nil {
				return
			}
		}
	}()
	for {
		_, err := ws.NetConn().Write(a.message)
		sent()
		if err != nil || a.stalls {
			break
		}
	}
	<-answered
}

// goodClient sends short messages one after the other, and opens another connection
// if one ends. It is only the time until the ack that counts.
type goodClient struct {
	url    string
	ws     *websocket.Conn
	number int
	acked  int
	opened int
	worst  time.Duration
}

func (g *goodClient) send(ctx context.Context) error {
	g.number++
	begin := time.Now()
	var err error
	for attempt := 0; attempt == 0 || err != nil && time.Since(begin) < 10*time.Second && ctx.Err() == nil; attempt++ {
		err = g.try(ctx)
	}
	if err == nil {
		g.acked++
		g.worst = max(g.worst, time.Since(begin))
	}
	return err
}

func (g *goodClient) try(ctx context.Context) (err error) {
	if g.ws == nil {
		dialer := websocket.Dialer{Subprotocols: []string{protocol.Subprotocol}}
		ws, response, err := dialer.DialContext(ctx, g.url, nil)
		if response != nil {
			_ = response.Body.Close()
		}
		if err != nil {
			return err
		}
		g.ws = ws
		g.opened++
	}
	defer func() {
		if err != nil {
			_ = g.ws.Close()
			g.ws = nil
		}
	}()
	deadline := time.Now().Add(10 * time.Second)
	_ = g.ws.SetReadDeadline(deadline)
	_ = g.ws.SetWriteDeadline(deadline)
	if err := g.ws.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `{"message":"seq=%d "}`, g.number)); err != nil {
		return err
	}
	for {
		_, text, err := g.ws.ReadMessage()
		if err != nil {
			return err
		}
		switch reply, err := protocol.ParseReply(text); {
		case err != nil:
			return err
		case reply.Nack > 0:
			return fmt.Errorf("refused: %s", reply.Reason)
		case reply.Ack > 0:
			return nil
		}
	}
}

// TestHostileClientsNeitherKillTheReceiverNorHoldUpOthers runs wsreceiver where it has
// 256 MiB. It needs root.
func TestHostileClientsNeitherKillTheReceiverNorHoldUpOthers(t *testing.T) {
	const limit = 256 << 20
	run := func(t *testing.T, all ...attack) {
		t.Helper()
		group := beattest.StartControlGroup(t, limit)
		file := filepath.Join(t.TempDir(), "records.ndjson")
		cmd := exec.CommandContext(context.WithoutCancel(t.Context()), beattest.Binary(t, "wsreceiver"),
			"--listen", "127.0.0.1:0", "--out", file, "--quiet", "--max-connections", "4096")
		group.Join(cmd)
		receiver, url, err := beattest.OpenReceiver(cmd)
		require.NoError(t, err)
		t.Cleanup(receiver.Kill)
		idle := beattest.PeakMemory(t, receiver.PID())

		good := &goodClient{url: url}
		require.NoError(t, good.send(t.Context()))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var attackers, begun sync.WaitGroup
		for _, a := range all {
			begun.Add(1)
			attackers.Go(func() { a.run(ctx, url, begun.Done) })
		}
		established := make(chan struct{})
		go func() {
			defer close(established)
			begun.Wait()
		}()
		var deadline <-chan time.Time
		for open := true; open; {
			require.NoError(t, good.send(t.Context()), "%s", receiver.Output())
			select {
			case <-established:
				deadline, established = time.After(attackTime), nil
			case <-deadline:
				open = false
			case <-time.After(goodPause):
			}
		}
		t.Logf("memory: idle %d MiB, at most %d MiB; the good client: %d messages on %d connections, acked after %v at most",
			idle>>20, beattest.PeakMemory(t, receiver.PID())>>20, good.acked, good.opened, good.worst.Round(time.Millisecond))
		cancel()
		attackers.Wait()
		_ = good.ws.Close()
		require.Zero(t, group.Kills())
		require.True(t, receiver.Running())
		require.Zero(t, receiver.Stop(), "%s", receiver.Output())
		require.Less(t, good.worst, time.Second)
	}
	every := attacks(t)
	for name, a := range every {
		t.Run(name, func(t *testing.T) { run(t, a) })
	}
	t.Run("three of them together", func(t *testing.T) {
		run(t, every["messages that never end"], every["messages of tiny records"], every["messages that are inflated without end"])
	})
}

// The figure is in docs/operations.md.
func TestAThousandIdleConnectionsTakeLittleMemory(t *testing.T) {
	const connections = 1000
	receiver := beattest.StartReceiver(t, "--quiet")
	before := beattest.PeakMemory(t, receiver.PID())
	for range connections {
		client := &goodClient{url: receiver.URL()}
		require.NoError(t, client.send(t.Context()))
		t.Cleanup(func() { _ = client.ws.Close() })
	}
	grown := beattest.PeakMemory(t, receiver.PID()) - before
	t.Logf("memory: %d MiB before, %d KiB for each connection", before>>20, grown/connections>>10)
	require.Less(t, grown/connections, int64(48<<10))
	require.Zero(t, receiver.Stop())
}
