// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"bufio"
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
)

// compressing are options that offer compression.
func compressing(level, threshold int) Options {
	options := testOptions()
	options.CompressionLevel, options.CompressionThreshold = level, threshold
	return options
}

// inflated is the message that a compressed payload stands for (RFC 7692 7.2.2).
func inflated(t *testing.T, payload []byte) string {
	t.Helper()
	in := io.MultiReader(bytes.NewReader(payload), strings.NewReader("\x00\x00\xff\xff\x01\x00\x00\xff\xff"))
	message, err := io.ReadAll(flate.NewReader(in))
	require.NoError(t, err)
	return string(message)
}

// sendAll appends messages and flushes, in a goroutine.
func sendAll(c *Conn, binaryFrame bool, messages ...string) chan error {
	done := make(chan error, 1)
	go func() {
		for _, message := range messages {
			size, appendTo := appending(message)
			if err := c.AppendMessage(binaryFrame, size, appendTo); err != nil {
				done <- err
				return
			}
		}
		done <- c.Flush()
	}()
	return done
}

func TestAnotherImplementationInflatesTheMessages(t *testing.T) {
	var messages []string
	for _, length := range lengths {
		messages = append(messages, string(randomBytes(t, length)), strings.Repeat("0123456789", length/10))
	}
	for level := 1; level <= MaxCompressionLevel; level++ {
		for _, maxFrameBytes := range []int{0, 1024} {
			t.Run(fmt.Sprintf("level %d, frames of at most %d bytes", level, maxFrameBytes), func(t *testing.T) {
				options, counted := compressing(level, 0), &traffic{}
				options.MaxFrameBytes, options.Traffic = maxFrameBytes, counted
				c, server := gorilla(t, options)
				require.True(t, c.Compressed())
				done := sendAll(c, true, messages...)
				total := 0
				for _, message := range messages {
					kind, got, err := server.ReadMessage()
					require.NoError(t, err)
					require.Equal(t, websocket.BinaryMessage, kind)
					require.True(t, bytes.Equal([]byte(message), got), "message of %d bytes", len(message))
					total += len(message)
				}
				require.NoError(t, take(t, done))
				require.EqualValues(t, total, counted.before.Load())
				require.Less(t, counted.after.Load(), counted.before.Load())
				require.Greater(t, counted.written.Load(), counted.after.Load(), "headers of frames are not counted")
			})
		}
	}
}

func TestAMessageIsCompressedWhereThatHelps(t *testing.T) {
	const threshold = 1000
	for name, c := range map[string]struct {
		message    string
		mostBytes  int // what AppendMessage is told, 0 for the length
		compressed bool
	}{
		"long and repetitive":                       {strings.Repeat("repetitive ", 500), 0, true},
		"as long as the threshold":                  {strings.Repeat("x", threshold), 0, true},
		"one byte shorter":                          {strings.Repeat("x", threshold-1), 0, false},
		"shorter than was thought":                  {strings.Repeat("x", threshold-1), 5 * threshold, false},
		"empty, and was thought to be long":         {"", 5 * threshold, false},
		"random, which does not get smaller":        {string(randomBytes(t, 5000)), 0, false},
		"compressible, and shorter than announced":  {strings.Repeat("x", 2*threshold), 1 << 20, true},
		"random, and shorter than was announced":    {string(randomBytes(t, 5000)), 1 << 20, false},
		"random and long, beyond one write's bytes": {string(randomBytes(t, flushBytes+1)), 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			options, counted := compressing(1, threshold), &traffic{}
			options.Traffic = counted
			conn, p := openConn(t, options)
			done := make(chan error, 1)
			go func() {
				size, appendTo := appending(c.message)
				err := conn.AppendMessage(false, max(size, c.mostBytes), appendTo)
				if err == nil {
					err = conn.Flush()
				}
				done <- err
			}()
			f := p.next()
			require.NoError(t, take(t, done))
			require.True(t, f.fin)
			require.EqualValues(t, len(c.message), counted.before.Load())
			require.EqualValues(t, len(f.payload), counted.after.Load())
			if !c.compressed {
				require.Equal(t, opText, f.opcode)
				require.Equal(t, c.message, string(f.payload))
				return
			}
			require.Equal(t, rsv1|opText, f.opcode)
			require.Less(t, len(f.payload), len(c.message))
			require.False(t, bytes.HasSuffix(f.payload, []byte{0, 0, 0xFF, 0xFF}), "RFC 7692 7.2.1: the tail is cut")
			require.Equal(t, c.message, inflated(t, f.payload))
		})
	}
}

func TestFragmentsAreCutFromTheCompressedMessage(t *testing.T) {
	options := compressing(1, 1)
	options.MaxFrameBytes = 1000
	c, p := openConn(t, options)
	message := strings.Repeat(string(randomBytes(t, 2500)), 4)
	done := sendAll(c, true, message, message)
	for range 2 {
		var payload []byte
		for i := 0; ; i++ {
			f := p.next()
			require.LessOrEqual(t, len(f.payload), 1000)
			if i == 0 {
				require.Equal(t, rsv1|opBinary, f.opcode)
			} else {
				require.Equal(t, opContinuation, f.opcode, "RFC 7692 6.1: RSV1 is on the first frame only")
			}
			payload = append(payload, f.payload...)
			if f.fin {
				require.Equal(t, 2, i, "2,500 random bytes and what repeats them")
				break
			}
		}
		require.Equal(t, message, inflated(t, payload), "nothing of the message before is needed")
	}
	require.NoError(t, take(t, done))
}

func TestWithoutAnAgreementNothingIsCompressed(t *testing.T) {
	message := strings.Repeat("x", 10_000)
	for name, offer := range map[string]bool{"the server declines": true, "it was not offered": false} {
		t.Run(name, func(t *testing.T) {
			client, server := net.Pipe()
			p := &peer{t: t, Conn: server, in: bufio.NewReader(server)}
			offers := make(chan string, 1)
			go func() {
				request, err := http.ReadRequest(p.in)
				if err != nil {
					return
				}
				offers <- request.Header.Get("Sec-Websocket-Extensions")
				_, _ = io.WriteString(p, switching(request.Header.Get("Sec-Websocket-Key")))
			}()
			options := testOptions()
			if offer {
				options = compressing(1, 0)
			}
			options.Dial = dialing(client)
			c, err := Dial(t.Context(), options)
			require.NoError(t, err)
			defer c.Cut()
			want := ""
			if offer {
				want = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
			}
			require.Equal(t, want, take(t, offers))
			require.False(t, c.Compressed())
			done := sendAll(c, false, message)
			require.Equal(t, wireFrame{true, opText, []byte(message)}, p.next())
			require.NoError(t, take(t, done))
		})
	}
}

func TestTheExtensionsAreThoseThatWereOffered(t *testing.T) {
	const both = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
	for name, c := range map[string]struct {
		offered    bool
		answer     []string
		compressed bool
		fails      string
		is         error
	}{
		"none":                                 {offered: true},
		"an empty line":                        {offered: true, answer: []string{""}},
		"as offered":                           {offered: true, answer: []string{both}, compressed: true},
		"in another order, without spaces":     {offered: true, answer: []string{"permessage-deflate;client_no_context_takeover;server_no_context_takeover"}, compressed: true},
		"a smaller window of the server's":     {offered: true, answer: []string{both + "; server_max_window_bits=10"}, compressed: true},
		"a smaller window of ours":             {offered: true, answer: []string{both + "; client_max_window_bits=10"}, fails: "client_max_window_bits=10", is: ErrCompression},
		"without the client's parameter":       {offered: true, answer: []string{"permessage-deflate; server_no_context_takeover"}, compressed: true},
		"without the server's parameter":       {offered: true, answer: []string{"permessage-deflate; client_no_context_takeover"}, fails: "lacks server_no_context_takeover", is: ErrCompression},
		"without any parameter":                {offered: true, answer: []string{"permessage-deflate"}, fails: `"permessage-deflate" lacks server_no_context_takeover`, is: ErrCompression},
		"a parameter that nobody knows":        {offered: true, answer: []string{both + "; level=9"}, fails: "level=9", is: ErrCompression},
		"twice":                                {offered: true, answer: []string{both, both}, is: ErrCompression, fails: "can't be used"},
		"another one":                          {offered: true, answer: []string{"x-webkit-deflate-frame"}, fails: `the server picked the extension "x-webkit-deflate-frame", which was not offered`},
		"one that was not offered":             {answer: []string{both}, fails: `the server picked the extension "permessage-deflate; server`},
		"one that was not offered and is long": {answer: []string{strings.Repeat("x", 30_000)}, fails: `x...", which was not offered`},
		"one that repeats a secret":            {answer: []string{planted[0]}, fails: `the server picked the extension "***", which was not offered`},
	} {
		t.Run(name, func(t *testing.T) {
			options := answering(t, func(conn net.Conn) {
				request, err := http.ReadRequest(bufio.NewReader(conn))
				if err != nil {
					return
				}
				answer := switching(request.Header.Get("Sec-Websocket-Key"))
				for _, line := range c.answer {
					answer = withHeader(answer, "Sec-WebSocket-Extensions: "+line)
				}
				_, _ = io.WriteString(conn, answer)
				_, _ = conn.Read(make([]byte, 1)) // until the client closes the connection
			})
			options.Header = secretHeader()
			if c.offered {
				options.CompressionLevel = 1
			}
			conn, err := Dial(t.Context(), options)
			if c.fails != "" {
				require.ErrorContains(t, err, c.fails)
				require.LessOrEqual(t, len(err.Error()), 400)
				require.NotContains(t, err.Error(), planted[0])
				if c.is != nil {
					require.ErrorIs(t, err, c.is)
				} else {
					require.NotErrorIs(t, err, ErrCompression)
				}
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.compressed, conn.Compressed())
			conn.Cut()
		})
	}
}

func TestWhatTheServerCompressedIsInflatedWithinTheLimit(t *testing.T) {
	deflated := func(message string) string {
		var packed bytes.Buffer
		w, err := flate.NewWriter(&packed, flate.BestCompression)
		require.NoError(t, err)
		_, err = io.WriteString(w, message)
		require.NoError(t, err)
		require.NoError(t, w.Flush())
		return strings.TrimSuffix(packed.String(), "\x00\x00\xff\xff")
	}
	client, server := tcpPair(t)
	options := compressing(1, 0)
	options.MaxReadBytes = 100_000
	c, p := openConn(t, options, client, server)
	in := reading(t, c)
	for _, message := range []string{"short", strings.Repeat("long ", 20_000), ""} {
		p.send(serverFrame(rsv1|opText, deflated(message)))
		require.Equal(t, message, take(t, in.messages))
	}
	p.send(serverFrame(opText, "not compressed"))
	require.Equal(t, "not compressed", take(t, in.messages))

	bomb := deflated(strings.Repeat("\x00", 50<<20))
	require.Less(t, len(bomb), 100_000, "as it is on the wire it is allowed")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	p.send(serverFrame(rsv1|opBinary, bomb))
	require.ErrorIs(t, take(t, in.ended), ErrTooBig)
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(4<<20), "bytes allocated for a message of 50 MiB")
}

func TestGarbageInACompressedMessageEndsTheConnection(t *testing.T) {
	c, p := openConn(t, compressing(1, 0))
	in := reading(t, c)
	p.send(serverFrame(rsv1|opText, "\xff\xff\xff garbage"))
	require.ErrorContains(t, take(t, in.ended), "corrupt: flate: corrupt input")
}

// A writer takes about a megabyte, and a hundred connections share a few.
func TestConnectionsShareTheMemoryOfCompression(t *testing.T) {
	const connections = 100
	message := strings.Repeat("something to compress ", 5_000)
	open := make([]*Conn, connections)
	for i := range open {
		options := compressing(1, 0)
		options.Dial = dialing(newScript(nil))
		c, err := Dial(t.Context(), options)
		require.NoError(t, err)
		require.True(t, c.Compressed())
		defer c.Cut()
		open[i] = c
	}
	heap := func() uint64 {
		var stats runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	before := heap()
	for _, c := range open {
		size, appendTo := appending(message)
		require.NoError(t, c.AppendMessage(true, size, appendTo))
		require.NoError(t, c.Flush())
	}
	require.Less(t, int64(heap())-int64(before), int64(16<<20), "bytes of heap for %d connections", connections)
}

func TestTheFastestLevelMakesJSONLinesEightTimesSmaller(t *testing.T) {
	options, counted := compressing(1, 1<<10), &traffic{}
	options.Traffic, options.Dial = counted, dialing(newScript(nil))
	c, err := Dial(t.Context(), options)
	require.NoError(t, err)
	defer c.Cut()
	for _, message := range jsonLines(1600, 1<<20) {
		require.NoError(t, c.AppendMessage(false, len(message), func(dst []byte) []byte { return append(dst, message...) }))
	}
	require.NoError(t, c.Flush())
	require.Greater(t, counted.before.Load(), 8*counted.after.Load())
}
