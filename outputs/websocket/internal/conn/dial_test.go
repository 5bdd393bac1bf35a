// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/wstest"
)

// planted are the secrets in the header of every failing dial.
var planted = []string{"s3cr3t-token", "dXNlcjpwYXNzd29yZA==", "a key with spaces"}

func secretHeader() http.Header {
	return http.Header{
		"Authorization": {"Bearer " + planted[0], "Basic " + planted[1]},
		"X-Api-Key":     {planted[2]},
		"User-Agent":    {"Filebeat/9"},
	}
}

// answering dials over a pipe to a server that does serve.
func answering(t *testing.T, serve func(net.Conn)) Options {
	t.Helper()
	client, server := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { _ = server.Close() }()
		serve(server)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	options := testOptions()
	options.Dial = dialing(client)
	return options
}

// replying reads the request and answers it with that text.
func replying(answer string) func(net.Conn) {
	return func(c net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
			_, _ = io.WriteString(c, answer)
		}
	}
}

// endless writes text until the client closes the connection.
func endless(begin, text string) func(net.Conn) {
	return func(c net.Conn) {
		replying(begin)(c)
		for err := error(nil); err == nil; {
			_, err = io.WriteString(c, text)
		}
	}
}

func TestAFailingDialSaysWhyInShortAndWithoutSecrets(t *testing.T) {
	for name, c := range map[string]struct {
		serve func(net.Conn)
		want  string // the whole text, if not empty
		holds []string
		code  int // of an UpgradeError
		is    error
	}{
		"not HTTP":           {serve: replying("220 mail.example.com ESMTP\r\n"), holds: []string{"malformed HTTP", "mail.example.com"}},
		"closed":             {serve: replying(""), is: io.ErrUnexpectedEOF},
		"closed in a header": {serve: replying("HTTP/1.1 101 Switching Protocols\r\nUpgr"), holds: []string{"malformed MIME header"}},
		"401 with a body":    {serve: replying("HTTP/1.1 401 Unauthorized\r\nContent-Length: 9\r\n\r\nwho \"me\"?"), code: 401, want: `the server answered the upgrade with 401 Unauthorized: "who \"me\"?"`},
		"503 without a body": {serve: replying("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 7\r\n\r\n"), code: 503, want: "the server answered the upgrade with 503 Service Unavailable"},
		"200, a web page":    {serve: replying("HTTP/1.1 200 OK\r\n\r\n<html>" + strings.Repeat("x", 1<<20)), code: 200, holds: []string{"200 OK", "<html>xxx"}},
		"a redirect":         {serve: replying("HTTP/1.1 302 Found\r\nLocation: wss://other.test/x\r\nContent-Length: 4\r\n\r\nmoved"), code: 302, want: `the server answered the upgrade with 302 Found to "wss://other.test/x", which is not followed`},
		"101 with wrong Accept": {
			serve: replying("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAA\r\n\r\n"), code: 101,
			want: "the server's answer to the upgrade is not valid (101 Switching Protocols): the header Upgrade, Connection or Sec-WebSocket-Accept is missing or wrong",
		},
		"a reason phrase without end in sight": {serve: replying("HTTP/1.1 401 " + strings.Repeat("no ", 10000) + "\r\nContent-Length: 0\r\n\r\n"), code: 401},
		"a Location of 30 KB":                  {serve: replying("HTTP/1.1 302 Found\r\nLocation: /" + strings.Repeat("x", 30000) + "\r\nContent-Length: 0\r\n\r\n"), code: 302},
		"control characters in the status":     {serve: replying("HTTP/1.1 401 \x1b[31mred\x07\r\nContent-Length: 0\r\n\r\n"), code: 401, want: "the server answered the upgrade with 401 \uFFFD[31mred\uFFFD"},
		"headers without end":                  {serve: endless("HTTP/1.1 101 Switching Protocols\r\n", "X-Filler: "+strings.Repeat("x", 1000)+"\r\n"), is: errUpgradeTooLong},
		"a line without end":                   {serve: endless("HTTP/1.1 101 ", strings.Repeat("x", 1<<20)), is: errUpgradeTooLong},
		"a malformed line of 50 KB":            {serve: replying("HTTQ " + strings.Repeat("x", 50000) + "\r\n\r\n"), holds: []string{"malformed HTTP", "..."}},
		"an echo of the request in the body": {serve: func(c net.Conn) {
			request, err := http.ReadRequest(bufio.NewReader(c))
			if err != nil {
				return
			}
			_, _ = fmt.Fprintf(c, "HTTP/1.1 400 Bad token %s\r\n\r\n%s %v", planted[0], request.Header.Get("X-Api-Key"), request.Header)
		}, code: 400, holds: []string{"400 Bad token ***", "***"}},
		"an echo of the request in a redirect": {serve: func(c net.Conn) {
			replying("HTTP/1.1 302 Found\r\nLocation: /login?token=" + planted[0] + "\r\nContent-Length: 0\r\n\r\n")(c)
		}, code: 302, holds: []string{"/login?token=***"}},
		"an echo of the request in garbage": {serve: replying("Bearer " + planted[0] + " " + planted[1] + "\r\n\r\n"), holds: []string{"malformed HTTP", "***"}},
	} {
		t.Run(name, func(t *testing.T) {
			options := answering(t, c.serve)
			options.Header = secretHeader()
			_, err := Dial(t.Context(), options)
			require.Error(t, err)
			if c.want != "" {
				require.EqualError(t, err, c.want)
			}
			for _, text := range c.holds {
				require.ErrorContains(t, err, text)
			}
			if c.is != nil {
				require.ErrorIs(t, err, c.is)
			}
			refused, ok := errors.AsType[*UpgradeError](err)
			require.Equal(t, c.code != 0, ok)
			if c.code != 0 {
				require.Equal(t, c.code, refused.Code)
				require.NotNil(t, refused.Header)
			}
			require.LessOrEqual(t, len(err.Error()), 400)
			for _, secret := range planted {
				require.NotContains(t, err.Error(), secret)
			}
		})
	}
}

func TestTheRequestIsWhatTheOptionsSay(t *testing.T) {
	client, server := net.Pipe()
	requests := make(chan *http.Request, 1)
	go func() {
		defer func() { _ = server.Close() }()
		if request, err := http.ReadRequest(bufio.NewReader(server)); err == nil {
			requests <- request
		}
	}()
	options := testOptions()
	options.URL = &url.URL{Scheme: "ws", Host: "peer.test:8080", Path: "/a b", RawQuery: "k=v"}
	options.Header = secretHeader()
	options.Dial = func(_ context.Context, network, address string) (net.Conn, error) {
		require.Equal(t, "tcp", network)
		require.Equal(t, "peer.test:8080", address)
		return client, nil
	}
	_, err := Dial(t.Context(), options)
	require.Error(t, err)
	request := take(t, requests)
	require.Equal(t, "/a%20b?k=v", request.RequestURI)
	require.Equal(t, "peer.test:8080", request.Host)
	require.Equal(t, "13", request.Header.Get("Sec-WebSocket-Version"))
	require.Equal(t, options.Header["Authorization"], request.Header["Authorization"])
}

func TestTheSubprotocolIsOneThatWasOffered(t *testing.T) {
	for name, c := range map[string]struct {
		required, picked string
		fails            string
	}{
		"none is needed and none picked":   {},
		"one that was offered":             {picked: "b"},
		"the one that is needed":           {required: "a", picked: "a"},
		"another one than the one needed":  {required: "a", picked: "b", fails: "the server does not speak the subprotocol a"},
		"none, but one is needed":          {required: "a", fails: "the server does not speak the subprotocol a"},
		"one that was not offered":         {picked: "c", fails: `the server picked the subprotocol "c", which was not offered`},
		"one that is as long as a message": {picked: strings.Repeat("c", 30000), fails: "ccc...\", which was not offered"},
	} {
		t.Run(name, func(t *testing.T) {
			options := answering(t, func(conn net.Conn) {
				request, err := http.ReadRequest(bufio.NewReader(conn))
				if err != nil || request.Header.Get("Sec-WebSocket-Protocol") != "a, b" {
					return
				}
				answer := switching(request.Header.Get("Sec-Websocket-Key"))
				if c.picked != "" {
					answer = strings.TrimSuffix(answer, "\r\n") + "Sec-WebSocket-Protocol: " + c.picked + "\r\n\r\n"
				}
				_, _ = io.WriteString(conn, answer)
				_, _ = conn.Read(make([]byte, 1)) // until the client closes the connection
			})
			options.Subprotocols, options.RequiredSubprotocol = []string{"a", "b"}, c.required
			conn, err := Dial(t.Context(), options)
			if c.fails != "" {
				require.ErrorContains(t, err, c.fails)
				require.LessOrEqual(t, len(err.Error()), 400)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.picked, conn.Subprotocol())
			conn.Cut()
		})
	}
}

func TestFramesBehindTheAnswerAreNotLost(t *testing.T) {
	options := answering(t, func(c net.Conn) {
		request, err := http.ReadRequest(bufio.NewReader(c))
		if err != nil {
			return
		}
		_, _ = io.WriteString(c, switching(request.Header.Get("Sec-Websocket-Key"))+string(serverFrame(opPong, "early")))
	})
	c, err := Dial(t.Context(), options)
	require.NoError(t, err)
	in := reading(t, c)
	require.Equal(t, "early", take(t, in.pongs))
	require.ErrorIs(t, take(t, in.ended), io.ErrUnexpectedEOF)
	c.Cut()
}

func TestARealSocketRefuses(t *testing.T) {
	server := wstest.Start(t)
	server.Kill()
	options := testOptions()
	options.URL = &url.URL{Scheme: "ws", Host: server.Addr(), Path: "/"}
	_, err := Dial(t.Context(), options)
	require.ErrorContains(t, err, "connection refused")
	require.Less(t, len(err.Error()), 200)
}

// stalls are the places where a dial can hang.
func stalls(t *testing.T) map[string]Options {
	t.Helper()
	inTCP := testOptions()
	inTCP.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	silent := func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }
	inTLS := answering(t, silent)
	inTLS.URL = &url.URL{Scheme: "wss", Host: "peer.test:443", Path: "/"}
	inTLS.TLS = &tls.Config{ServerName: "peer.test", MinVersion: tls.VersionTLS12}
	return map[string]Options{
		"in TCP":                   inTCP,
		"in the TLS handshake":     inTLS,
		"in the upgrade":           answering(t, silent),
		"where nothing is read":    answering(t, func(c net.Conn) { _, _ = c.Read(make([]byte, 1)); _, _ = io.Copy(io.Discard, c) }),
		"in the header":            answering(t, func(c net.Conn) { replying("HTTP/1.1 101 Sw")(c); silent(c) }),
		"in the body of a refusal": answering(t, func(c net.Conn) { replying("HTTP/1.1 401 Unauthorized\r\nContent-Length: 900\r\n\r\nno")(c); silent(c) }),
	}
}

func TestADialThatHangsEndsWithConnectTimeout(t *testing.T) {
	for name, options := range stalls(t) {
		t.Run(name, func(t *testing.T) {
			options.ConnectTimeout = 50 * time.Millisecond
			options.Header = secretHeader()
			begun := time.Now()
			_, err := Dial(t.Context(), options)
			require.Less(t, time.Since(begun), patience/2)
			if refused, ok := errors.AsType[*UpgradeError](err); ok {
				require.Equal(t, "no", refused.Body)
				return
			}
			require.ErrorContains(t, err, "not connected within connect_timeout (50ms)")
		})
	}
}

func TestACanceledDialReturnsAtOnce(t *testing.T) {
	for name, options := range stalls(t) {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() {
				_, err := Dial(ctx, options)
				ended <- err
			}()
			begun := time.Now()
			cancel()
			err := take(t, ended)
			require.Less(t, time.Since(begun), patience/2)
			if _, refused := errors.AsType[*UpgradeError](err); !refused {
				require.ErrorIs(t, err, context.Canceled)
			}
		})
	}
	t.Run("when it was canceled before", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := Dial(ctx, answering(t, func(c net.Conn) {
			if request, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
				_, _ = io.WriteString(c, switching(request.Header.Get("Sec-Websocket-Key")))
			}
		}))
		require.ErrorIs(t, err, context.Canceled)
	})
	t.Run("but a connection that is open is not ended by it", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		server := wstest.Start(t)
		options := testOptions()
		options.URL = &url.URL{Scheme: "ws", Host: server.Addr(), Path: "/"}
		c, err := Dial(ctx, options)
		require.NoError(t, err)
		cancel()
		in := reading(t, c)
		c.AppendPing([]byte("still here"))
		require.NoError(t, c.Flush())
		require.Equal(t, "still here", take(t, in.pongs))
		c.Cut()
		require.Error(t, take(t, in.ended))
	})
}
