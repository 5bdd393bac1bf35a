// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"context"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/elastic/beats/v7/libbeat/outputs"
	"github.com/elastic/beats/v7/libbeat/outputs/outest"
	"github.com/elastic/elastic-agent-libs/monitoring"

	"filebeat-websocket/receiver"
	"filebeat-websocket/testing/wstest"
)

// compressingServer is a server that inflates.
type compressingServer struct {
	*httptest.Server
	upgrades, offers, messages, bytes atomic.Int64
}

// startCompressing starts one. If answer is not empty, it takes an offer of
// compression with that instead.
func startCompressing(t *testing.T, answer string) *compressingServer {
	t.Helper()
	s := &compressingServer{}
	handler, err := receiver.New(receiver.SinkFunc(func(_ context.Context, m *receiver.Message) error {
		s.messages.Add(1)
		s.bytes.Add(int64(m.Bytes))
		return nil
	}), receiver.Options{Format: "raw"})
	require.NoError(t, err)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.upgrades.Add(1)
		if r.Header.Get("Sec-WebSocket-Extensions") != "" {
			s.offers.Add(1)
			if answer != "" {
				takeOffer(w, r, answer)
				return
			}
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = handler.Shutdown(ctx)
		s.Close()
	})
	return s
}

// takeOffer upgrades with those extensions, and hangs up when the client does.
func takeOffer(w http.ResponseWriter, r *http.Request, extensions string) {
	hijacker, ok := w.(http.Hijacker)
	if !ok {
		return
	}
	c, _, err := hijacker.Hijack()
	if err != nil {
		return
	}
	defer func() { _ = c.Close() }()
	sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	_, _ = fmt.Fprintf(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\nSec-WebSocket-Extensions: %s\r\n\r\n",
		base64.StdEncoding.EncodeToString(sum[:]), extensions)
	_, _ = c.Read(make([]byte, 1))
}

func (s *compressingServer) url() string { return "ws" + strings.TrimPrefix(s.URL, "http") + "/" }

// metric returns a number of the output's own registry.
func (f *fixture) metric(name string) int64 {
	return monitoring.CollectFlatSnapshot(f.shared.registry, monitoring.Full, true).Ints[name]
}

func (f *fixture) publishesLines(t *testing.T, count int) {
	t.Helper()
	batch, signals := f.batch(1, count)
	require.NoError(t, f.client.Publish(context.Background(), batch))
	require.Equal(t, outest.BatchACK, awaitSignal(t, signals).Tag)
}

func TestMessagesAreCompressedIfTheServerAgrees(t *testing.T) {
	server := startCompressing(t, "")
	logged := observeLogs(t)
	f := newFixture(t, fmt.Sprintf(`{hosts: [%q], format: json_lines, compression_level: 1}`, server.url()))
	require.NoError(t, f.client.Connect())
	f.publishesLines(t, 100)
	require.Contains(t, logged(), ", compressed)")
	require.Equal(t, server.bytes.Load(), f.metric("messages.bytes"))
	require.Less(t, f.metric("messages.wire_bytes"), f.metric("messages.bytes")/4)
	require.Less(t, int64(f.observer.written), f.metric("messages.bytes"))

	t.Run("not below the threshold", func(t *testing.T) {
		f := newFixture(t, fmt.Sprintf(`{hosts: [%q], format: json_lines, compression_level: 1, compression_threshold: 1MiB}`, server.url()))
		require.NoError(t, f.client.Connect())
		f.publishesLines(t, 100)
		require.Equal(t, f.metric("messages.bytes"), f.metric("messages.wire_bytes"))
	})
	t.Run("not if it is off", func(t *testing.T) {
		offers := server.offers.Load()
		f := newFixture(t, fmt.Sprintf(`{hosts: [%q], format: json_lines}`, server.url()))
		require.NoError(t, f.client.Connect())
		f.publishesLines(t, 100)
		require.Equal(t, offers, server.offers.Load())
		require.Equal(t, f.metric("messages.bytes"), f.metric("messages.wire_bytes"))
	})
	t.Run("not if the server declines", func(t *testing.T) {
		server := wstest.Start(t)
		f := newFixture(t, `{format: json_lines, compression_level: 9}`, server)
		require.NoError(t, f.client.Connect())
		f.publishesLines(t, 100)
		require.Equal(t, f.metric("messages.bytes"), f.metric("messages.wire_bytes"))
	})
}

// Some servers agree without what makes messages independent of each other.
func TestAServerWhoseAgreementIsOfNoUseIsDialledWithoutCompression(t *testing.T) {
	for _, answer := range []string{"permessage-deflate", "permessage-deflate; client_no_context_takeover", "permessage-deflate; client_max_window_bits=12"} {
		t.Run(answer, func(t *testing.T) {
			server := startCompressing(t, answer)
			logged := observeLogs(t)
			f := newFixture(t, fmt.Sprintf(`{hosts: [%q], compression_level: 1, workers: 2}`, server.url()))
			for _, inner := range f.group.Clients {
				networkClient, ok := inner.(outputs.NetworkClient)
				require.True(t, ok)
				for range 2 {
					require.NoError(t, networkClient.Connect())
				}
			}
			f.publishesLines(t, 10)
			require.EqualValues(t, 10, server.messages.Load())
			require.EqualValues(t, 1, server.offers.Load(), "what was learned of a host is remembered")
			require.EqualValues(t, 5, server.upgrades.Load())
			require.Equal(t, 1, strings.Count(logged(), "uncompressed"), "and said once")
			require.Contains(t, logged(), answer)
			require.Zero(t, f.metric("connections.failed"))
		})
	}
}

func TestSubprotocolsAreOfferedInOrder(t *testing.T) {
	for name, c := range map[string]struct {
		yaml    string
		speaks  []string
		offered string
		picked  string
		fails   string
	}{
		"none":                                    {yaml: `{}`},
		"two, and the server speaks none":         {yaml: `{subprotocols: [b, a]}`, offered: "b, a"},
		"two, and the server speaks the second":   {yaml: `{subprotocols: [b, a]}`, speaks: []string{"a"}, offered: "b, a", picked: "a"},
		"one, as text":                            {yaml: `{subprotocols: "a"}`, speaks: []string{"a"}, offered: "a", picked: "a"},
		"required, and there":                     {yaml: `{subprotocols: [b, a], required_subprotocol: true}`, speaks: []string{"a"}, offered: "b, a", picked: "a"},
		"required, and not there":                 {yaml: `{subprotocols: [b, a], required_subprotocol: true}`, speaks: []string{"c"}, offered: "b, a", fails: "the server picked none of the subprotocols b, a"},
		"behind that of ack: message":             {yaml: `{subprotocols: [a], ack: message}`, speaks: []string{"a", "filebeat.ack.v1"}, offered: "filebeat.ack.v1, a", picked: "filebeat.ack.v1"},
		"that of ack: message among them":         {yaml: `{subprotocols: [a, filebeat.ack.v1], ack: message}`, speaks: []string{"filebeat.ack.v1"}, offered: "filebeat.ack.v1, a", picked: "filebeat.ack.v1"},
		"another one than ack: message needs":     {yaml: `{subprotocols: [a], ack: message}`, speaks: []string{"a"}, offered: "filebeat.ack.v1, a", fails: "the server does not speak the subprotocol filebeat.ack.v1"},
		"with ack_field only one's own":           {yaml: `{subprotocols: [a], ack: message, ack_field: seq}`, speaks: []string{"a"}, offered: "a", picked: "a"},
		"with ack_field and required, none there": {yaml: `{subprotocols: [a], ack: message, ack_field: seq, required_subprotocol: true}`, offered: "a", fails: "the server picked none of the subprotocols a"},
	} {
		t.Run(name, func(t *testing.T) {
			logged := observeLogs(t)
			server := wstest.Start(t, wstest.WithSubprotocols(c.speaks...))
			f := newFixture(t, c.yaml, server)
			err := f.client.Connect()
			// The client can know the answer before the server's books have the connection.
			require.Eventually(t, func() bool { return len(server.Conns()) > 0 }, 10*time.Second, time.Millisecond)
			require.Equal(t, c.offered, server.Conns()[0].Request.Header.Get("Sec-WebSocket-Protocol"))
			if c.fails != "" {
				require.EqualError(t, err, c.fails)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.picked != "", strings.Contains(logged(), ", "+c.picked+")"), logged())
		})
	}
}

func TestAgreementSettingsThatCanNotBeUsed(t *testing.T) {
	for yaml, want := range map[string]string{
		`compression_level: 10`:                                  "output.websocket.compression_level: must be between 0 and 9, is 10",
		`compression_level: -1`:                                  "output.websocket.compression_level: must be between 0 and 9, is -1",
		`compression_threshold: -1`:                              "output.websocket.compression_threshold",
		`subprotocols: ["a b"]`:                                  `output.websocket.subprotocols: "a b" is not a valid subprotocol name`,
		`subprotocols: ["a,b"]`:                                  `output.websocket.subprotocols: "a,b" is not a valid subprotocol name`,
		`subprotocols: [""]`:                                     `output.websocket.subprotocols: "" is not a valid subprotocol name`,
		`subprotocols: [a, b, a]`:                                "output.websocket.subprotocols: a is listed twice",
		`required_subprotocol: true`:                             "output.websocket.required_subprotocol: needs subprotocols to choose from",
		`{required_subprotocol: true, ack: message, workers: 0}`: "output.websocket.workers",
		`required_subprotocol: 1`:                                "output.websocket.required_subprotocol: must be true or false",
	} {
		t.Run(yaml, func(t *testing.T) {
			cfg := configFrom(t, yaml)
			require.NoError(t, cfg.Merge(configFrom(t, `hosts: [h]`)))
			_, err := readConfig(cfg)
			require.ErrorContains(t, err, want)
			require.Equal(t, 1, strings.Count(err.Error(), "output.websocket."))
		})
	}
}
