// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package wstest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
)

func TestFaultsInsteadOfTheUpgrade(t *testing.T) {
	t.Run("RefuseStatus answers with status, header and body", func(t *testing.T) {
		s := Start(t, WithFaults(Fault{RefuseStatus: 503, RefuseHeader: http.Header{"Retry-After": {"7"}}, RefuseBody: "too busy"}))
		res, err := dialError(t, s)
		require.ErrorIs(t, err, websocket.ErrBadHandshake)
		require.Equal(t, 503, res.StatusCode)
		require.Equal(t, "7", res.Header.Get("Retry-After"))
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.Equal(t, "too busy", string(body))
		dial(t, s)
		waitFor(t, s, func(c Counts) bool { return c.Connections == 2 && c.Upgraded == 1 })
	})
	t.Run("WrongAccept is refused by the client", func(t *testing.T) {
		s := Start(t, WithFaults(Fault{WrongAccept: true}))
		res, err := dialError(t, s)
		require.ErrorIs(t, err, websocket.ErrBadHandshake)
		require.Equal(t, http.StatusSwitchingProtocols, res.StatusCode)
	})
	t.Run("HangUpgrade never answers", func(t *testing.T) {
		s := Start(t, WithFaults(Fault{HangUpgrade: true}))
		dialer := websocket.Dialer{HandshakeTimeout: 200 * time.Millisecond}
		_, _, err := dialer.DialContext(t.Context(), s.URL(), nil)
		var timeout net.Error
		require.ErrorAs(t, err, &timeout)
		require.True(t, timeout.Timeout())
		require.Zero(t, s.Counts().Upgraded)
	})
	t.Run("NotHTTP answers with bytes", func(t *testing.T) {
		s := Start(t, WithFaults(Fault{NotHTTP: []byte("220 mail.example.com ESMTP\r\n")}))
		_, err := dialError(t, s)
		require.ErrorContains(t, err, "malformed HTTP")
	})
}

func TestFaultsRightAfterTheUpgrade(t *testing.T) {
	t.Run("SendGarbage", func(t *testing.T) {
		c := dial(t, Start(t, AllowViolations(), WithFaults(Fault{SendGarbage: []byte("\xf3garbage")})))
		require.ErrorContains(t, take(t, c.ended), "RSV")
	})
	t.Run("SendMessage", func(t *testing.T) {
		c := dial(t, Start(t, WithFaults(Fault{SendMessage: "unasked"})))
		require.Equal(t, "unasked", take(t, c.messages))
	})
	for name, size := range map[string]int{"SendHuge": 3<<20 + 1, "SendHuge that is small": 300} {
		t.Run(name, func(t *testing.T) {
			c := dial(t, Start(t, WithFaults(Fault{SendHuge: size})))
			require.Len(t, take(t, c.messages), size)
			c.ping(t, "still here")
			require.Equal(t, "still here", take(t, c.pongs))
		})
	}
	t.Run("UnsolicitedPongs come at once and before each asked one", func(t *testing.T) {
		c := dial(t, Start(t, WithFaults(Fault{UnsolicitedPongs: 2})))
		require.Empty(t, take(t, c.pongs))
		require.Equal(t, "unasked", take(t, c.pongs))
		c.ping(t, "1")
		require.Empty(t, take(t, c.pongs))
		require.Equal(t, "unasked", take(t, c.pongs))
		require.Equal(t, "1", take(t, c.pongs))
	})
	t.Run("AtOpen closes before any message", func(t *testing.T) {
		c := dial(t, Start(t, WithFaults(Fault{CloseAtMessage: AtOpen, CloseCode: 1013, CloseReason: "later"})))
		require.Equal(t, &websocket.CloseError{Code: 1013, Text: "later"}, take(t, c.ended))
	})
}

// pingsAtOnce writes several Pings in one segment.
func pingsAtOnce(t *testing.T, c *client, payloads ...string) {
	t.Helper()
	var frames []byte
	for _, p := range payloads {
		frames = append(frames, 0x80|opPing, 0x80|byte(len(p)), 0, 0, 0, 0)
		frames = append(frames, p...)
	}
	_, err := c.NetConn().Write(frames)
	require.NoError(t, err)
}

func TestFaultsOfPongs(t *testing.T) {
	t.Run("Delay is latency, and keeps the order", func(t *testing.T) {
		const delay = 500 * time.Millisecond
		s := Start(t, WithFaults(Fault{Delay: delay}))
		c := dial(t, s)
		start := time.Now()
		for _, p := range []string{"1", "2", "3", "4"} {
			c.ping(t, p)
		}
		c.sendSeq(t, 1)
		waitFor(t, s, func(c Counts) bool { return c.Unique == 1 })
		require.Empty(t, c.pongs, "reading went on during the delay")
		for _, p := range []string{"1", "2", "3", "4"} {
			require.Equal(t, p, take(t, c.pongs))
		}
		took := time.Since(start)
		require.GreaterOrEqual(t, took, delay)
	})
	t.Run("MutePongs", func(t *testing.T) {
		s := Start(t, WithFaults(Fault{MutePongs: true, CloseAtMessage: 1, CloseCode: 1000}))
		c := dial(t, s)
		c.ping(t, "1")
		c.sendSeq(t, 1)
		require.Equal(t, &websocket.CloseError{Code: 1000}, take(t, c.ended))
		require.Empty(t, c.pongs)
		require.Equal(t, 1, s.Counts().Pings)
	})
	t.Run("EmptyPongs", func(t *testing.T) {
		c := dial(t, Start(t, WithFaults(Fault{EmptyPongs: true})))
		c.ping(t, "1")
		require.Empty(t, take(t, c.pongs))
	})
	t.Run("PongOnlyNewest of what was read at once", func(t *testing.T) {
		s := Start(t, WithFaults(Fault{PongOnlyNewest: true}))
		c := dial(t, s)
		pingsAtOnce(t, c, "1", "2", "3")
		require.Equal(t, "3", take(t, c.pongs))
		c.ping(t, "4")
		require.Equal(t, "4", take(t, c.pongs))
		require.Equal(t, 4, s.Counts().Pings)
	})
	t.Run("PongOnlyNewest of what came during Delay", func(t *testing.T) {
		c := dial(t, Start(t, WithFaults(Fault{PongOnlyNewest: true, Delay: 500 * time.Millisecond})))
		c.ping(t, "1")
		c.ping(t, "2")
		require.Equal(t, "2", take(t, c.pongs))
	})
}

func TestFaultsAtAMessage(t *testing.T) {
	t.Run("DropAtMessage cuts with RST after it counted the message", func(t *testing.T) {
		s := Start(t, WithFaults(Fault{DropAtMessage: 2}))
		c := dial(t, s)
		c.sendSeq(t, 1, 2)
		require.ErrorContains(t, take(t, c.ended), "connection reset by peer")
		waitFor(t, s, func(c Counts) bool { return c.Unique == 2 && c.Open == 0 })
		require.Empty(t, c.pongs)
		dial(t, s).sendSeq(t, 3, 4, 5)
		waitFor(t, s, func(c Counts) bool { return c.Unique == 5 })
	})
	t.Run("CloseAtMessage sends a code and a reason, and no Pong after it", func(t *testing.T) {
		s := Start(t, WithFaults(Fault{CloseAtMessage: 3, CloseCode: 4000, CloseReason: "go away", Delay: time.Hour}))
		c := dial(t, s)
		c.sendSeq(t, 1, 2)
		c.ping(t, "delayed")
		c.sendSeq(t, 3)
		require.Equal(t, &websocket.CloseError{Code: 4000, Text: "go away"}, take(t, c.ended))
		require.Empty(t, c.pongs)
		require.Equal(t, 3, s.Counts().Messages)
	})
	for _, code := range []int{999, 1004, 1006, 1014, 1015, 2000, 5000, 65535} {
		t.Run(fmt.Sprintf("CloseAtMessage sends the invalid code %d", code), func(t *testing.T) {
			c := dial(t, Start(t, WithFaults(Fault{CloseAtMessage: 1, CloseCode: code})))
			c.sendSeq(t, 1)
			require.ErrorContains(t, take(t, c.ended), fmt.Sprintf("bad close code %d", code))
		})
	}
	t.Run("CloseAtMessage with code 0 sends an empty Close frame", func(t *testing.T) {
		c := dial(t, Start(t, WithFaults(Fault{CloseAtMessage: 1})))
		c.sendSeq(t, 1)
		require.Equal(t, &websocket.CloseError{Code: closeNoStatus}, take(t, c.ended))
	})
	t.Run("HalfFrameAtMessage ends inside of a frame", func(t *testing.T) {
		c := dial(t, Start(t, WithFaults(Fault{HalfFrameAtMessage: 1})))
		c.sendSeq(t, 1)
		require.ErrorContains(t, take(t, c.ended), "unexpected EOF")
	})
}

// fill writes until the client's deadline ends it, and returns how many bytes
// went out.
func fill(t *testing.T, c *client, until time.Time) int {
	t.Helper()
	tcp, ok := c.NetConn().(*net.TCPConn)
	require.True(t, ok)
	require.NoError(t, tcp.SetWriteBuffer(32<<10))
	require.NoError(t, c.SetWriteDeadline(until))
	chunk := []byte(strings.Repeat("x", 8<<10))
	for written := 0; ; written += len(chunk) {
		if err := c.WriteMessage(websocket.TextMessage, chunk); err != nil {
			timeout, ok := errors.AsType[net.Error](err)
			require.True(t, ok && timeout.Timeout(), "write ended with %v", err)
			return written
		}
		if written > 64<<20 {
			require.FailNow(t, "the server reads on")
		}
	}
}

func TestFaultsOfReading(t *testing.T) {
	t.Run("StopReadingAtMessage blocks the client's writes", func(t *testing.T) {
		s := Start(t, WithFaults(Fault{StopReadingAtMessage: 1}))
		c := dial(t, s)
		c.sendSeq(t, 1)
		waitFor(t, s, func(c Counts) bool { return c.Unique == 1 })
		fill(t, c, time.Now().Add(200*time.Millisecond))
		require.Equal(t, 1, s.Counts().Messages)
		require.Empty(t, c.ended, "the connection is open all the same")
	})
	t.Run("SlowRead reads at its pace", func(t *testing.T) {
		const pace = 1 << 20
		s := Start(t, WithFaults(Fault{SlowRead: pace}))
		c := dial(t, s)
		start := time.Now()
		message := bytes.Repeat([]byte("x"), pace/10)
		require.NoError(t, c.WriteMessage(websocket.TextMessage, message))
		require.NoError(t, c.WriteMessage(websocket.TextMessage, message))
		waitFor(t, s, func(c Counts) bool { return c.Messages == 2 })
		require.Greater(t, time.Since(start), 150*time.Millisecond, "200 ms' worth")
	})
}
