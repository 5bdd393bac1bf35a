// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"context"
	"io"
	"net"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
	"github.com/tinylib/msgp/msgp"

	"filebeat-websocket/protocol"
	"filebeat-websocket/protocol/forward"
	"filebeat-websocket/receiver"
)

const (
	benchRecords = 500 // in a request
	benchWindow  = 64  // requests under way
)

// benchRequest is a request in packed mode with records of about 670 bytes, as Filebeat's
// events are.
func benchRequest() []byte {
	entry := anEntry(0)[:11]
	entry = msgp.AppendMapHeader(entry, 8)
	for _, name := range []string{"message", "host", "agent", "path", "offset", "level", "logger", "thread"} {
		entry = msgp.AppendString(msgp.AppendString(entry, name), strings.Repeat("x", 65))
	}
	return packed("chunk", "text", slices.Repeat(entry, benchRecords))
}

func benchIntake(b *testing.B) *receiver.Intake {
	b.Helper()
	intake, err := receiver.NewIntake(receiver.SinkFunc(func(context.Context, *receiver.Message) error { return nil }), receiver.IntakeOptions{})
	require.NoError(b, err)
	b.Cleanup(func() { intake.Shutdown(context.Background()) })
	return intake
}

// run has send called for b.N requests, and confirmed return how many there were each
// time, with a window between them.
func run(b *testing.B, bytes int, send func() error, confirmed func() int) {
	b.Helper()
	room := make(chan struct{}, benchWindow)
	ended := make(chan struct{})
	b.SetBytes(int64(bytes))
	b.ResetTimer()
	go func() {
		defer close(ended)
		for left := b.N; left > 0; {
			for range confirmed() {
				left--
				<-room
			}
		}
	}()
	for range b.N {
		room <- struct{}{}
		if err := send(); err != nil {
			b.Error(err)
			return
		}
	}
	<-ended
	b.ReportMetric(float64(b.N)*benchRecords/b.Elapsed().Seconds(), "records/s")
}

// BenchmarkTCPAndWebSocket compares one connection of each with the same requests.
func BenchmarkTCPAndWebSocket(b *testing.B) {
	request := benchRequest()
	b.Run("tcp", func(b *testing.B) {
		server, err := NewServer(benchIntake(b), Options{})
		require.NoError(b, err)
		listener, err := (&net.ListenConfig{}).Listen(b.Context(), "tcp", "127.0.0.1:0")
		require.NoError(b, err)
		go func() { _ = server.Serve(listener) }()
		conn, err := (&net.Dialer{}).DialContext(b.Context(), "tcp", listener.Addr().String())
		require.NoError(b, err)
		replies := forward.NewStream(1 << 10)
		piece := make([]byte, 4<<10)
		run(b, len(request), func() error {
			_, err := conn.Write(request)
			return err
		}, func() (count int) {
			n, err := conn.Read(piece)
			require.NoError(b, err)
			replies.Write(piece[:n])
			for {
				if ack, _ := replies.Next(); ack == nil {
					return count
				}
				count++
			}
		})
		require.NoError(b, conn.Close())
		require.NoError(b, server.Shutdown(context.Background()))
	})
	b.Run("websocket", func(b *testing.B) {
		handler, err := receiver.NewHandler(benchIntake(b), receiver.Options{Format: "forward"})
		require.NoError(b, err)
		server := httptest.NewServer(handler)
		defer server.Close()
		dialer := websocket.Dialer{Subprotocols: []string{protocol.Subprotocol}, WriteBufferSize: len(request) + 100, HandshakeTimeout: 10 * time.Second}
		ws, response, err := dialer.DialContext(b.Context(), "ws"+strings.TrimPrefix(server.URL, "http"), nil)
		require.NoError(b, err)
		_, _ = io.Copy(io.Discard, response.Body)
		acked := uint64(0)
		run(b, len(request), func() error { return ws.WriteMessage(websocket.BinaryMessage, request) }, func() int {
			for {
				frameType, text, err := ws.ReadMessage()
				require.NoError(b, err)
				if frameType != websocket.TextMessage {
					continue // a chunk's
				}
				reply, err := protocol.ParseReply(text)
				require.NoError(b, err)
				count := int(reply.Ack - acked)
				acked = reply.Ack
				return count
			}
		})
		require.NoError(b, ws.Close())
		require.NoError(b, handler.Shutdown(context.Background()))
	})
}
