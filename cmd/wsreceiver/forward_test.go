// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/tls"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/protocol/forward"
	"filebeat-websocket/testing/beattest"
)

// aForwardRequest is one with the record {"message": "hello"} and the chunk x.
const aForwardRequest = "\x94\xA3app\xCE\x60\x1D\xC3\xE5\x81\xA7message\xA5hello\x81\xA5chunk\xA1x"

// forwardStream are the values that a connection of Fluent Forward gets.
type forwardStream struct {
	t      *testing.T
	conn   net.Conn
	values *forward.Stream
}

func newForwardStream(t *testing.T, conn net.Conn, err error) *forwardStream {
	t.Helper()
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	return &forwardStream{t: t, conn: conn, values: forward.NewStream(8 << 10)}
}

func (f *forwardStream) say(message string) {
	f.t.Helper()
	_, err := f.conn.Write([]byte(message))
	require.NoError(f.t, err)
}

func (f *forwardStream) next() []byte {
	f.t.Helper()
	piece := make([]byte, 1024)
	for {
		value, err := f.values.Next()
		require.NoError(f.t, err)
		if value != nil {
			return value
		}
		n, err := f.conn.Read(piece)
		require.NoError(f.t, err)
		f.values.Write(piece[:n])
	}
}

func (f *forwardStream) requireAck() {
	f.t.Helper()
	chunk, err := forward.ParseAck(f.next())
	require.NoError(f.t, err)
	require.Equal(f.t, "x", chunk)
}

func TestFluentForwardOverTCP(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out.ndjson")
	p := begin(t, "--forward-listen", "127.0.0.1:0", "--forward-max-bytes", "1000", "--out", out, "--metrics")
	address := p.log.find(t, `msg="listening for Fluent Forward" address=(\S+) tls=false`)[1]
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	client := newForwardStream(t, conn, err)
	client.say(aForwardRequest)
	client.requireAck()
	client.say(aForwardRequest) // sent again
	client.requireAck()
	content, err := os.ReadFile(out)
	require.NoError(t, err)
	require.Equal(t, `{"@timestamp":"2021-02-05T22:17:09Z","tag":"app","message":"hello"}`+"\n", string(content), "once, and before the confirmation")

	client.say("\x92\xA1t\xDD\x7F\xFF\xFF\xFF")
	p.log.find(t, `records refused for good.*reason="request is longer than 1000 bytes".*flag=--forward-max-bytes`)
	p.log.find(t, `connection ended.*messages=2 records=2 duplicates=1`)
	_, page := get(t, strings.Replace(strings.TrimSuffix(p.log.url(t), "/ingest"), "ws", "http", 1)+"/metrics")
	require.Contains(t, page, "wsreceiver_duplicate_records_total{reason=\"chunk\"} 1\n")

	udp, err := (&net.Dialer{}).DialContext(t.Context(), "udp", address)
	heartbeat := newForwardStream(t, udp, err)
	heartbeat.say("\x00")
	n, err := heartbeat.conn.Read(make([]byte, 10))
	require.NoError(t, err)
	require.Equal(t, 1, n)
	http.DefaultClient.CloseIdleConnections()
	require.Equal(t, exitOK, p.stop())
}

func TestFluentForwardWithTLSAndUsers(t *testing.T) {
	ca, folder := beattest.NewCA(t), t.TempDir()
	certificate, key := beattest.WriteKeyPair(t, folder, ca.Issue("127.0.0.1"), "")
	shared, users := filepath.Join(folder, "shared"), filepath.Join(folder, "users")
	require.NoError(t, os.WriteFile(shared, []byte("s3cret\n"), 0o600))
	require.NoError(t, os.WriteFile(users, []byte("# who\n\nalice:pa55:word\n"), 0o600))
	p := begin(t, "--forward-listen", "127.0.0.1:0", "--tls-cert", certificate, "--tls-key", key, "--client-ca", ca.File,
		"--shared-key-file", shared, "--user-file", users, "--out", filepath.Join(folder, "out.ndjson"))
	address := p.log.find(t, `msg="listening for Fluent Forward" address=(\S+) tls=true`)[1]
	dialer := tls.Dialer{Config: &tls.Config{RootCAs: ca.Pool(), Certificates: []tls.Certificate{*ca.Issue("192.0.2.1")}}}
	for _, password := range []string{"wrong", "pa55:word", "rotated"} {
		if password == "rotated" {
			require.NoError(t, os.WriteFile(shared, []byte("an0ther\n"), 0o600))
			require.NoError(t, os.WriteFile(users, []byte("alice:rotated\n"), 0o600))
		}
		conn, err := dialer.DialContext(t.Context(), "tcp", address)
		client := newForwardStream(t, conn, err)
		helo, err := forward.ParseHelo(client.next())
		require.NoError(t, err)
		client.say(string(forward.AppendPing(nil, forward.Ping{
			Hostname: "client", Salt: []byte("salt"), KeyDigest: forward.KeyDigest([]byte("salt"), "client", helo.Nonce, map[bool]string{true: "an0ther", false: "s3cret"}[password == "rotated"]),
			Username: "alice", PasswordDigest: forward.PasswordDigest(helo.Auth, "alice", password),
		})))
		pong, err := forward.ParsePong(client.next())
		require.NoError(t, err)
		if password == "wrong" {
			require.False(t, pong.OK)
			p.log.find(t, `Fluent Forward connection refused.*authentication failed`)
			continue
		}
		require.True(t, pong.OK)
		client.say(aForwardRequest)
		client.requireAck()
	}
	for _, secret := range []string{"s3cret", "pa55:word", "an0ther", "alice:rotated"} {
		require.NotContains(t, p.log.String(), secret)
	}
	require.Equal(t, exitOK, p.stop())
}

func TestForwardFlags(t *testing.T) {
	for want, args := range map[string][]string{
		"flag --forward-listen: anyone":                  {"--forward-listen", "0.0.0.0:24224"},
		"flag --forward-listen: address x":               {"--forward-listen", "x"},
		"flag --forward-max-bytes: more than 1GiB":       {"--forward-max-bytes", "2GiB"},
		"flag --user-file: needs --shared-key-file":      {"--user-file", "x"},
		"less than 16 times --forward-max-bytes, 128MiB": {"--forward-listen", "127.0.0.1:24224", "--forward-max-bytes", "8MiB", "--max-memory", "32MiB"},
	} {
		_, err := parseFlags(args)
		require.ErrorContains(t, err, want)
	}
	for _, args := range [][]string{
		{"--forward-listen", "0.0.0.0:24224", "--shared-key-file", "x"},
		{"--forward-listen", "localhost:24224"},
		{"--max-memory", "32MiB", "--forward-max-bytes", "8MiB"},
		{"--max-memory", "32MiB", "--forward-listen", "localhost:24224"},
	} {
		_, err := parseFlags(args)
		require.NoError(t, err)
	}
}

// In a small control group a request has to be shorter than usual: sixteen times as much
// for all of them was more than the group has.
func TestTheMemoryForForwardLeavesRoomInASmallControlGroup(t *testing.T) {
	for _, test := range []struct {
		set         settings
		limit       int64
		memory, max int64
	}{
		{limit: 256 << 20, memory: 129 << 20, max: 8<<20 + 64<<10},
		{limit: 512 << 20, memory: 129 << 20, max: 8<<20 + 64<<10},
		{limit: 1 << 30, memory: 256 << 20, max: 16 << 20},
		{limit: 8 << 30, memory: 2 << 30, max: 16 << 20},
		{memory: 512 << 20, max: 16 << 20},
		{set: settings{forwardMaxBytes: 16 << 20}, limit: 256 << 20, memory: 256 << 20, max: 16 << 20},
		{set: settings{forwardMaxBytes: 1 << 20}, limit: 256 << 20, memory: 64 << 20, max: 1 << 20},
		{set: settings{maxMemory: 32 << 20}, limit: 256 << 20, memory: 32 << 20, max: 2 << 20},
	} {
		test.set.forwardListen, test.set.maxMessageBytes = "localhost:24224", 1<<20
		memory := memoryFor(test.set, test.limit)
		require.Equal(t, test.memory, memory)
		require.Equal(t, test.max, forwardBytesFor(test.set, memory))
	}
}
