// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bufio"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
	"filebeat-websocket/testing/wstest"
)

// switching is the answer to an upgrade request, with more header lines.
func switching(request *http.Request, lines ...string) string {
	sum := sha1.Sum([]byte(request.Header.Get("Sec-Websocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
		base64.StdEncoding.EncodeToString(sum[:]) + "\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\n"
}

// startBad starts a server whose first connections answer the upgrade request as
// answer does, and whose others lead to target.
func startBad(t *testing.T, target string, bad int, answer func(w io.Writer, request *http.Request)) (address string) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var serving sync.WaitGroup
	serving.Go(func() {
		for number := 1; ; number++ {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer func() { _ = client.Close() }()
				if number > bad {
					join(context.WithoutCancel(t.Context()), client, target)
					return
				}
				in := bufio.NewReader(client)
				if request, err := http.ReadRequest(in); err == nil {
					answer(client, request)
					_, _ = io.Copy(io.Discard, in) // until the client closes the connection
				}
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		serving.Wait() // filebeat has closed the connections
	})
	return listener.Addr().String()
}

// join passes bytes on between a connection and target until one side ends.
func join(ctx context.Context, client net.Conn, target string) {
	server, err := (&net.Dialer{}).DialContext(ctx, "tcp", target)
	if err != nil {
		return
	}
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(client, server)
		_ = client.Close()
	})
	_, _ = io.Copy(server, client)
	_ = server.Close()
	back.Wait()
}

func TestInvalidAnswerToTheUpgradeIsLoggedAndBounded(t *testing.T) {
	header := func(lines ...string) func(io.Writer, *http.Request) {
		return func(w io.Writer, request *http.Request) { _, _ = io.WriteString(w, switching(request, lines...)) }
	}
	for name, c := range map[string]struct {
		answer func(io.Writer, *http.Request)
		more   string
		cause  string
	}{
		"headers without end": {answer: func(w io.Writer, _ *http.Request) {
			_, err := io.WriteString(w, "HTTP/1.1 101 Switching Protocols\r\n")
			for err == nil {
				_, err = io.WriteString(w, "X-Filler: "+strings.Repeat("x", 1000)+"\r\n")
			}
		}, cause: "longer than 64 KiB"},
		"a subprotocol that was not offered": {answer: header("Sec-WebSocket-Protocol: chat"), cause: `picked the subprotocol \"chat\", which was not offered`},
		"two subprotocols":                   {answer: header("Sec-WebSocket-Protocol: a", "Sec-WebSocket-Protocol: b"), more: "  subprotocols: [a, b]\n", cause: "more than one subprotocol"},
		"none of those that are required":    {answer: header(), more: "  subprotocols: [a, b]\n  required_subprotocol: true\n", cause: "none of the subprotocols a, b"},
		"an extension that was not offered":  {answer: header("Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover"), cause: `picked the extension \"permessage-deflate`},
		"another extension than was offered": {answer: header("Sec-WebSocket-Extensions: x-own"), more: "  compression_level: 1\n", cause: `picked the extension \"x-own\", which was not offered`},
		"a body without end": {answer: func(w io.Writer, _ *http.Request) {
			_, err := io.WriteString(w, "HTTP/1.1 500 Internal Server Error\r\n\r\n")
			for err == nil {
				_, err = io.WriteString(w, strings.Repeat("sorry ", 1000))
			}
		}, cause: `500 Internal Server Error: \"sorry sorry`},
		"a redirect to another host with credentials": {answer: func(w io.Writer, _ *http.Request) {
			_, _ = io.WriteString(w, "HTTP/1.1 307 Temporary Redirect\r\nLocation: https://elsewhere.example/login\r\nContent-Length: 5\r\n\r\nmoved")
		}, more: "  bearer_token: abcdefgh\n", cause: `307 Temporary Redirect to \"https://elsewhere.example/login\", which is not followed`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const lines, bad = 1_000, 2
			server := wstest.Start(t, wstest.WithSubprotocols("a"))
			address := startBad(t, server.Addr(), bad, c.answer)
			setup := beattest.Setup{Dir: t.TempDir(), Output: output("ws://"+address+"/", c.more), Extra: "queue.mem.flush.timeout: 100ms"}
			beattest.AppendLines(t, setup.LogFile("a.log"), 1, lines)
			filebeat := beattest.StartFilebeat(t, setup)
			arrived(t, server, lines)
			require.Zero(t, filebeat.Stop())
			failed := failureLines(filebeat.Output())
			require.Len(t, failed, 1, "a repeated error is logged once")
			require.Contains(t, failed[0], c.cause)
			require.Less(t, len(failed[0]), 1500)
			require.NotContains(t, filebeat.Output(), "panic")
		})
	}
}
