// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"bufio"
	"bytes"
	"compress/flate"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/protocol/deflate"
)

// switchingAfter upgrades after it has written text, and then discards what it reads.
func switchingAfter(text string, more ...string) func(net.Conn) {
	return func(c net.Conn) {
		request, err := http.ReadRequest(bufio.NewReader(c))
		if err != nil {
			return
		}
		answer := switching(request.Header.Get("Sec-Websocket-Key"))
		if len(more) > 0 {
			answer = withHeader(answer, more...)
		}
		_, _ = io.WriteString(c, text+answer)
		_, _ = io.Copy(io.Discard, c)
	}
}

const earlyHints = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n"

func TestInterimAnswersAreReadOver(t *testing.T) {
	for name, text := range map[string]string{
		"none": "", "100": "HTTP/1.1 100 Continue\r\n\r\n", "102": "HTTP/1.1 102 Processing\n\n", "103": earlyHints,
		"all of them": "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" + earlyHints,
		"many":        strings.Repeat(earlyHints, maxInterim-1),
	} {
		t.Run(name, func(t *testing.T) {
			c, err := Dial(t.Context(), answering(t, switchingAfter(text)))
			require.NoError(t, err)
			require.Nil(t, c.wire.answer, "its buffer is let go")
			c.Cut()
		})
		t.Run(name+", before a refusal", func(t *testing.T) {
			_, err := Dial(t.Context(), answering(t, replying(text+"HTTP/1.1 503 Service Unavailable\r\n\r\n")))
			var refused *UpgradeError
			require.ErrorAs(t, err, &refused)
			require.Equal(t, 503, refused.Code)
		})
		t.Run(name+", of a proxy", func(t *testing.T) {
			options := answering(t, func(c net.Conn) {
				reader := bufio.NewReader(c)
				if _, err := http.ReadRequest(reader); err != nil {
					return
				}
				_, _ = io.WriteString(c, text+"HTTP/1.1 200 OK\r\n\r\n")
				switchingAfter("")(c)
			})
			options.Proxy = testProxy("http")
			c, err := Dial(t.Context(), options)
			require.NoError(t, err)
			c.Cut()
		})
	}
}

func TestInterimAnswersAreLimited(t *testing.T) {
	_, err := Dial(t.Context(), answering(t, endless("", earlyHints)))
	var refused *UpgradeError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, 103, refused.Code)
	_, err = Dial(t.Context(), answering(t, endless("HTTP/1.1 103 Early Hints\r\n", "X-Filler: "+strings.Repeat("x", 1000)+"\r\n")))
	require.ErrorIs(t, err, errUpgradeTooLong)
}

// aiohttp does not repeat client_no_context_takeover (RFC 7692 7.1.1.2), and inflates
// all messages with one window.
func TestAServerThatKeepsItsWindowInflatesWhatIsSent(t *testing.T) {
	client, server := net.Pipe()
	p := &peer{t: t, Conn: server, in: bufio.NewReader(server)}
	upgraded := make(chan error, 1)
	go func() {
		request, err := http.ReadRequest(p.in)
		if err == nil {
			_, err = io.WriteString(server, withHeader(switching(request.Header.Get("Sec-Websocket-Key")), "sec-websocket-extensions:permessage-deflate; server_no_context_takeover"))
		}
		upgraded <- err
	}()
	options := testOptions()
	options.Dial, options.CompressionLevel = dialing(client), 6
	c, err := Dial(t.Context(), options)
	require.NoError(t, err)
	require.NoError(t, <-upgraded)
	defer c.Cut()
	defer func() { _ = server.Close() }()
	require.True(t, c.Compressed())

	text := strings.Repeat("to be compressed ", 100)
	flushed := make(chan error, 1)
	go func() {
		var failed error
		for range 3 {
			failed = c.AppendMessage(false, len(text), func(dst []byte) []byte { return append(dst, text...) })
		}
		if failed == nil {
			failed = c.Flush()
		}
		flushed <- failed
	}()
	var packed bytes.Buffer
	for range 3 {
		frame := p.next()
		require.NotZero(t, frame.opcode&rsv1)
		packed.Write(frame.payload)
		packed.Write(flushTail)
	}
	require.NoError(t, <-flushed)
	plain := make([]byte, 3*len(text))
	_, err = io.ReadFull(flate.NewReader(&packed), plain)
	require.NoError(t, err)
	require.Equal(t, strings.Repeat(text, 3), string(plain))
}

func TestTheAnswerAndWhatFollowsIsReadInAnyPortions(t *testing.T) {
	const upgrade = "HTTP/1.1 101 Switching Protocols\r\nA: b\r\n\r\n"
	const frames = "\x81\x02hi\x89\x00"
	for name, portions := range map[string]func(io.Reader) io.Reader{
		"whole": func(r io.Reader) io.Reader { return r }, "byte by byte": iotest.OneByteReader, "with the error": iotest.DataErrReader,
	} {
		t.Run(name, func(t *testing.T) {
			a := newAnswer(portions(strings.NewReader(earlyHints+upgrade+frames)), true)
			content, err := io.ReadAll(iotest.OneByteReader(a))
			require.NoError(t, err)
			require.Equal(t, upgrade+frames, string(content))
		})
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte("HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n\r\nframes"), true)
	f.Add([]byte(earlyHints+"HTTP/1.1 200 OK\r\n\r\n"), false)
	f.Add([]byte("\x15\x03\x01\x00\x02\x02\x28"), true)
	f.Add([]byte("HTTP/1.1 1"), true)
	f.Fuzz(func(t *testing.T, content []byte, compress bool) {
		passed, err := io.ReadAll(newAnswer(bytes.NewReader(content), compress))
		require.NoError(t, err)
		switch {
		case !bytes.HasPrefix(content, []byte("HTTP/1.")):
			require.True(t, bytes.Equal(content, passed), "what is not HTTP is left as it is")
		case !compress:
			require.True(t, bytes.HasSuffix(content, passed), "only interim answers are left out")
		default:
			require.LessOrEqual(t, len(passed), len(content)+bytes.Count(content, []byte(deflate.Name))*(len(deflate.ClientNoContext)+4))
		}
	})
}
