// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bytes"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"filebeat-websocket/protocol"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 30 * time.Second

// echo is a server of another library that sends back what comes.
func echo(t *testing.T) *url.URL {
	t.Helper()
	upgrader := websocket.Upgrader{EnableCompression: true, Subprotocols: []string{"b"}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return // it has answered
		}
		defer func() { _ = conn.Close() }()
		for {
			kind, message, err := conn.ReadMessage()
			if err != nil || conn.WriteMessage(kind, message) != nil {
				return
			}
		}
	}))
	t.Cleanup(server.Close)
	parsed, err := url.Parse("ws" + strings.TrimPrefix(server.URL, "http"))
	require.NoError(t, err)
	return parsed
}

func next(t *testing.T, c *Conn) Event {
	t.Helper()
	event, ok := c.Next(time.Now().Add(patience))
	require.True(t, ok)
	return event
}

// TestAFloodFromTheServerEndsTheConnection: it must not take more and more memory.
func TestAFloodFromTheServerEndsTheConnection(t *testing.T) {
	for name, test := range map[string]struct {
		flood string
		want  string
	}{
		"of small messages":   {"\x81\x0e{\"ack\":999999}", "more than 100000 messages or 64 MiB from the server"},
		"of long messages":    {"\x82\x7f\x00\x00\x00\x00\x00\x20\x00\x00" + strings.Repeat("a", 2<<20), "more than 100000 messages or 64 MiB from the server"},
		"of frames that fail": {"\x83\x00", ""},
	} {
		t.Run(name, func(t *testing.T) {
			client, server := net.Pipe()
			c := newConn(client, nil, false, patience)
			flood := []byte(strings.Repeat(test.flood, max(1, (64<<10)/len(test.flood))))
			written := make(chan struct{})
			go func() {
				defer close(written)
				for range (96 << 20) / len(flood) {
					if _, err := server.Write(flood); err != nil || len(c.Violations()) == maxViolations {
						break
					}
				}
				_ = server.Close()
			}()
			<-c.finished
			c.Close()
			<-written
			require.LessOrEqual(t, len(c.Violations()), maxViolations)
			require.LessOrEqual(t, len(c.events), maxEvents+2)
			require.LessOrEqual(t, c.eventBytes, maxEventBytes+maxMessageBytes)
			if test.want != "" {
				require.Equal(t, test.want, c.events[len(c.events)-1].Reason)
			}
		})
	}
}

func TestMessagesOfEveryLengthComeBack(t *testing.T) {
	for _, deflate := range []bool{false, true} {
		c, answer, err := Dial(t.Context(), Options{URL: echo(t), Timeout: patience, Protocols: []string{"a", "b"}, Deflate: deflate})
		require.NoError(t, err)
		require.Empty(t, answer.Problems)
		require.Equal(t, "b", answer.Protocol)
		require.Equal(t, deflate, answer.Deflate)
		for _, length := range []int{0, 1, 125, 126, 65535, 65536, 300_000} {
			message := bytes.Repeat([]byte("m"), length)
			require.NoError(t, c.Send(Frame{Opcode: Text, Payload: message[:length/2], More: true}, Frame{Payload: message[length/2:]}))
			event := next(t, c)
			require.Equal(t, Text, event.Opcode)
			require.Equal(t, string(message), string(event.Payload))
			if deflate {
				require.NoError(t, c.Send(Frame{Opcode: Binary, Payload: Deflate(message), Deflated: true}))
				require.Equal(t, string(message), string(next(t, c).Payload))
			}
		}
		require.NoError(t, c.Send(Frame{Opcode: Ping, Payload: []byte("p")}))
		require.Equal(t, Pong, next(t, c).Opcode)
		require.NoError(t, c.SendClose(protocol.CloseNormal))
		require.Equal(t, protocol.CloseNormal, next(t, c).Code)
		require.True(t, c.AwaitHangUp(time.Now().Add(patience)))
		require.Empty(t, c.Violations())
		c.Close()
	}
}

func TestNothingIsReadUntilResume(t *testing.T) {
	c, _, err := Dial(t.Context(), Options{URL: echo(t), Timeout: patience})
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.Send(Frame{Opcode: Text, Payload: []byte("a")}))
	next(t, c)
	c.StopReading()
	require.NoError(t, c.Send(Frame{Opcode: Text, Payload: []byte("b")})) // the read that is under way may take this
	require.NoError(t, c.Send(Frame{Opcode: Text, Payload: []byte("c")}))
	c.Resume()
	require.Equal(t, "b", string(next(t, c).Payload))
	require.Equal(t, "c", string(next(t, c).Payload))
}

// serve is a connection to a server that writes these bytes and hangs up.
func serve(t testing.TB, sent []byte) *Conn {
	t.Helper()
	client, server := net.Pipe()
	go func() {
		_ = server.SetDeadline(time.Now().Add(patience))
		go func() { // what the client answers
			buffer := make([]byte, 1<<10)
			for {
				if _, err := server.Read(buffer); err != nil {
					return
				}
			}
		}()
		_, _ = server.Write(sent)
		_ = server.Close()
	}()
	return newConn(client, nil, true, patience)
}

func TestViolationsAreKept(t *testing.T) {
	for sent, want := range map[string]string{
		"\x81\x81\x00\x00\x00\x00a":          "masked",
		"\xa1\x01a":                          "reserved bits",
		"\x83\x00":                           "reserved opcode",
		"\x09\x00":                           "fragmented or longer",
		"\x80\x01a":                          "outside of a message",
		"\x01\x01a\x81\x01b":                 "outside of a message",
		"\x81\x01\xff":                       "not UTF-8",
		"\x81\x7e\x00\x01a":                  "shortest form",
		"\x88\x01\x03":                       "Close frame",
		"\x88\x02\x03\xed":                   "Close frame", // 1005
		"\x88\x02\x03\xec":                   "Close frame", // 1004
		"\x88\x03\x03\xe8\xff":               "Close frame",
		"\xc1\x01\x07":                       "cannot be inflated",
		"\x81\x01a\x89\x01b\x88\x02\x03\xe8": "",
		"\x88\x00":                           "",
	} {
		c := serve(t, []byte(sent))
		for {
			if _, ok := c.Next(time.Now().Add(patience)); !ok {
				break
			}
		}
		if want == "" {
			require.Empty(t, c.Violations(), "%x", sent)
		} else {
			require.Contains(t, strings.Join(c.Violations(), "\n"), want, "%x", sent)
		}
		c.Close()
	}
}

func FuzzServer(f *testing.F) {
	f.Add([]byte("\x81\x01a\x01\x01b\x80\x01c\x89\x00\x8a\x00\x88\x02\x03\xe8"))
	f.Add([]byte("\xc1\x03\x4b\x04\x00"))
	f.Add([]byte("\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, sent []byte) {
		c := serve(t, sent)
		defer c.Close()
		bytesSeen := 0
		for {
			event, ok := c.Next(time.Now().Add(patience))
			if !ok {
				break
			}
			bytesSeen += len(event.Payload)
		}
		require.True(t, c.Ended())
		require.LessOrEqual(t, bytesSeen, maxMessageBytes+1100*len(sent), "what is inflated is bounded")
	})
}
