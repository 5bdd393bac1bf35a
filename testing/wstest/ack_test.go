// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package wstest

import (
	"bytes"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"filebeat-websocket/protocol"
)

// startAcking starts a server that picks filebeat.ack.v1, and dials it.
func startAcking(t *testing.T, fault Fault) (*Server, *client) {
	t.Helper()
	s := Start(t, WithSubprotocols(protocol.Subprotocol), WithFaults(fault))
	c := dial(t, s, protocol.Subprotocol)
	require.Equal(t, protocol.Subprotocol, c.Subprotocol())
	return s, c
}

// atOnce writes messages in one segment, so that the server reads them at once.
func (c *client) atOnce(t *testing.T, messages ...string) {
	t.Helper()
	var frames []byte
	for _, m := range messages {
		require.Less(t, len(m), 126)
		frames = append(frames, 0x80|opText, 0x80|byte(len(m)), 0, 0, 0, 0)
		frames = append(frames, m...)
	}
	_, err := c.NetConn().Write(frames)
	require.NoError(t, err)
}

func TestMessagesAreAcked(t *testing.T) {
	t.Run("those read at once with one ack", func(t *testing.T) {
		s, c := startAcking(t, Fault{})
		c.atOnce(t, "a", "b", "c")
		require.Equal(t, `{"ack":3}`, take(t, c.messages))
		c.atOnce(t, "d")
		require.Equal(t, `{"ack":4}`, take(t, c.messages))
		require.Equal(t, 4, s.Conns()[0].Acked)
		require.Equal(t, protocol.Subprotocol, s.Conns()[0].Subprotocol)
	})
	t.Run("not without the subprotocol, nor if the server does not pick it", func(t *testing.T) {
		for _, s := range []*Server{Start(t), Start(t, WithSubprotocols(protocol.Subprotocol))} {
			c := dial(t, s, "another")
			c.sendSeq(t, 1)
			c.ping(t, "after")
			require.Equal(t, "after", take(t, c.pongs))
			require.Empty(t, c.messages)
		}
	})
	t.Run("ReplyField in another form, without a subprotocol", func(t *testing.T) {
		c := dial(t, Start(t, WithFaults(Fault{ReplyField: "seq.last", NackAtMessage: 2})))
		c.atOnce(t, "a")
		require.Equal(t, `{"seq":{"last":1}}`, take(t, c.messages))
		c.atOnce(t, "b", "c")
		require.Equal(t, `{"seq":{"last":3}}`, take(t, c.messages))
	})
	t.Run("AckEvery acks each multiple, and what is left over later", func(t *testing.T) {
		_, c := startAcking(t, Fault{AckEvery: 2})
		c.atOnce(t, "a", "b")
		require.Equal(t, `{"ack":2}`, take(t, c.messages))
		start := time.Now()
		c.atOnce(t, "c")
		require.Equal(t, `{"ack":3}`, take(t, c.messages))
		require.GreaterOrEqual(t, time.Since(start), ackRestDelay)
		c.atOnce(t, "d")
		require.Equal(t, `{"ack":4}`, take(t, c.messages))
	})
	t.Run("AckDelay is latency", func(t *testing.T) {
		const delay = 300 * time.Millisecond
		s, c := startAcking(t, Fault{AckDelay: delay})
		start := time.Now()
		c.sendSeq(t, 1)
		waitFor(t, s, func(c Counts) bool { return c.Unique == 1 })
		c.sendSeq(t, 2)
		waitFor(t, s, func(c Counts) bool { return c.Unique == 2 })
		require.Empty(t, c.messages, "reading goes on during the delay")
		last := take(t, c.messages)
		require.GreaterOrEqual(t, time.Since(start), delay)
		if last == `{"ack":1}` {
			last = take(t, c.messages)
		}
		require.Equal(t, `{"ack":2}`, last)
	})
	t.Run("MuteAcks never", func(t *testing.T) {
		s, c := startAcking(t, Fault{MuteAcks: true, Pause: "5s", CloseAtMessage: 3, CloseCode: 1000})
		c.sendSeq(t, 1)
		require.Equal(t, `{"pause":"5s"}`, take(t, c.messages))
		c.sendSeq(t, 2, 3)
		require.Error(t, take(t, c.ended))
		require.Empty(t, c.messages)
		require.Zero(t, s.Conns()[0].Acked)
	})
	t.Run("AckFuture beyond what was sent", func(t *testing.T) {
		_, c := startAcking(t, Fault{AckFuture: true})
		c.atOnce(t, "a")
		require.Equal(t, `{"ack":1000001}`, take(t, c.messages))
	})
	t.Run("MalformedAcks and Pause come once, before the first", func(t *testing.T) {
		_, c := startAcking(t, Fault{MalformedAcks: []string{"ack", `{"ack":"1"}`, ""}, Pause: "2s"})
		c.atOnce(t, "a")
		for _, want := range []string{`{"pause":"2s"}`, "ack", `{"ack":"1"}`, "", `{"ack":1}`} {
			require.Equal(t, want, take(t, c.messages))
		}
		c.atOnce(t, "b")
		require.Equal(t, `{"ack":2}`, take(t, c.messages))
	})
	t.Run("ProgressOnly at first", func(t *testing.T) {
		const hold = 4*progressInterval + progressInterval/2
		s, c := startAcking(t, Fault{ProgressOnly: hold})
		c.ping(t, "before")
		require.Equal(t, "before", take(t, c.pongs))
		start := time.Now()
		c.atOnce(t, "a")
		c.atOnce(t, "b")
		waitFor(t, s, func(c Counts) bool { return c.Messages == 2 })
		progress := 0
		for {
			text := take(t, c.messages)
			if text == `{"ack":2}` {
				break
			}
			require.Equal(t, `{"progress":true}`, text)
			progress++
		}
		require.GreaterOrEqual(t, progress, 3)
		require.GreaterOrEqual(t, time.Since(start), hold)
		c.atOnce(t, "c")
		require.Equal(t, `{"ack":3}`, take(t, c.messages))
	})
}

func TestMessagesAreRefused(t *testing.T) {
	bad := func(record []byte) bool { return bytes.Contains(record, []byte("bad")) }
	for name, test := range map[string]struct {
		fault    Fault
		messages []string
		replies  []string
	}{
		"NackAtMessage for good": {Fault{NackAtMessage: 2, NackReason: "no"}, []string{"a", "b", "c"},
			[]string{`{"nack":2,"reason":"no","retry":false}`, `{"ack":3}`}},
		"NackAtMessage to be sent again": {Fault{NackAtMessage: 1, NackReason: "disk full", NackRetry: true}, []string{"a", "b"},
			[]string{`{"nack":1,"reason":"disk full","retry":true}`, `{"ack":2}`}},
		"NackAtMessage in part": {Fault{NackAtMessage: 2, NackRecords: []int{3, 7}}, []string{"a", "b"},
			[]string{`{"nack":2,"retry":false,"records":[3,7]}`, `{"ack":1}`}},
		"NackRecord by content": {Fault{NackRecord: bad, NackReason: "bad"}, []string{"bad", "good", "good\nbad\n"},
			[]string{`{"nack":1,"reason":"bad","retry":false}`, `{"nack":3,"reason":"bad","retry":false}`, `{"ack":2}`}},
		"NackByIndex of lines": {Fault{NackRecord: bad, NackByIndex: true}, []string{"good\nbad\ngood\nbad\n", "bad\n", "good"},
			[]string{`{"nack":1,"retry":false,"records":[1,3]}`, `{"nack":2,"retry":false}`, `{"ack":3}`}},
		"NackByIndex of JSON": {Fault{NackRecord: bad, NackByIndex: true}, []string{`[{"x":"}"},{"x":"bad"}]`, "{\"x\":1}\n{\"x\":\"bad\"}\n", `{"bad":1}{}`, "{}"},
			[]string{`{"nack":1,"retry":false,"records":[1]}`, `{"nack":2,"retry":false,"records":[1]}`, `{"nack":3,"retry":false,"records":[0]}`, `{"ack":4}`}},
		"MuteAcks lets nacks through": {Fault{NackAtMessage: 2, MuteAcks: true}, []string{"a", "b"}, []string{`{"nack":2,"retry":false}`}},
	} {
		t.Run(name, func(t *testing.T) {
			_, c := startAcking(t, test.fault)
			c.atOnce(t, test.messages...)
			for _, want := range test.replies {
				require.Equal(t, want, take(t, c.messages))
			}
			c.ping(t, "")
			take(t, c.pongs)
			require.Empty(t, c.messages)
		})
	}
	t.Run("CloseOnRecord closes before an ack, subprotocol or not", func(t *testing.T) {
		fault := Fault{CloseReason: "bad", CloseOnRecord: func(message []byte) int {
			if bad(message) {
				return closeTooBig
			}
			return 0
		}}
		s := Start(t, WithSubprotocols(protocol.Subprotocol), WithFaults(fault, fault))
		for _, subprotocol := range []string{"none", protocol.Subprotocol} {
			c := dial(t, s, subprotocol)
			c.atOnce(t, "good seq=1", "bad seq=2", "good seq=3")
			require.Equal(t, &websocket.CloseError{Code: closeTooBig, Text: "bad"}, take(t, c.ended))
			require.Empty(t, c.messages)
		}
		require.Equal(t, []int{2, 2, 0}, []int{s.Times(1), s.Times(2), s.Times(3)})
		require.Equal(t, 2, s.Counts().MaxTimes)
	})
}

func TestFloods(t *testing.T) {
	t.Run("PingFlood is answered and counted", func(t *testing.T) {
		s := Start(t, WithFaults(Fault{PingFlood: 1234}))
		c := dial(t, s)
		// gorilla's client answers each Ping.
		waitFor(t, s, func(c Counts) bool { return c.Pongs == 1234 })
		c.ping(t, "x")
		require.Equal(t, "x", take(t, c.pongs))
	})
	t.Run("TinyMessages", func(t *testing.T) {
		s := Start(t, WithSubprotocols(protocol.Subprotocol), WithFaults(Fault{TinyMessages: 10_000}))
		c := dial(t, s, protocol.Subprotocol)
		for range 10_000 {
			require.Equal(t, "x", take(t, c.messages))
		}
		c.atOnce(t, "a")
		require.Equal(t, `{"ack":1}`, take(t, c.messages))
	})
	t.Run("EndlessMessage never ends, and Pongs stand inside of it", func(t *testing.T) {
		s := Start(t, WithSubprotocols(protocol.Subprotocol), WithFaults(Fault{EndlessMessage: true}))
		dialer := websocket.Dialer{Subprotocols: []string{protocol.Subprotocol}}
		ws, res, err := dialer.DialContext(t.Context(), s.URL(), nil)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		ponged := false
		ws.SetPongHandler(func(string) error {
			ponged = true
			return nil
		})
		require.NoError(t, ws.WriteMessage(websocket.TextMessage, []byte("seq=1")))
		require.NoError(t, ws.WriteControl(websocket.PingMessage, nil, deadline()))
		_, message, err := ws.NextReader()
		require.NoError(t, err)
		read, buf := 0, make([]byte, 64<<10)
		for read < 8<<20 || !ponged {
			n, err := message.Read(buf)
			require.NoError(t, err)
			read += n
		}
		require.NoError(t, ws.Close())
		waitFor(t, s, func(c Counts) bool { return c.Unique == 1 && c.Open == 0 })
	})
}

func FuzzSplitRecords(f *testing.F) {
	for _, seed := range []string{`[{"a":1},2]`, "{}\n{}\n", `{}{`, "a\nb\n", "", "\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		joined := 0
		for _, record := range splitRecords(message) {
			require.True(t, bytes.Contains(message, record), "a record stands in its message")
			joined += len(record)
		}
		require.LessOrEqual(t, joined, len(message))
	})
}

func TestAppendField(t *testing.T) {
	for path, want := range map[string]string{"ack": `{"ack":7}`, "a.b": `{"a":{"b":7}}`, `a"b`: `{"a\"b":7}`} {
		require.Equal(t, want, string(appendField(nil, path, 7)))
	}
}
