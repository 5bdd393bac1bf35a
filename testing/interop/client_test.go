// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"filebeat-websocket/protocol"
)

// testClient speaks filebeat.ack.v1 as the output does: it numbers what it writes
// and reads replies at the same time.
type testClient struct {
	t       *testing.T
	conn    *websocket.Conn
	replies chan protocol.Reply // closed at the end of the connection
	end     error               // why it ended; to be read after replies is closed
	sent    atomic.Uint64       // messages written, or about to be
}

func dial(t *testing.T, url string) *testClient {
	t.Helper()
	dialer := websocket.Dialer{Subprotocols: []string{protocol.Subprotocol}, HandshakeTimeout: patience}
	conn, response, err := dialer.DialContext(t.Context(), url, nil)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, protocol.Subprotocol, conn.Subprotocol())
	c := &testClient{t: t, conn: conn, replies: make(chan protocol.Reply, 1)}
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		c.readLoop()
	}()
	t.Cleanup(func() {
		_ = conn.Close() // ends readLoop; the connection may have ended before
		for range c.replies {
			continue
		}
		<-finished
	})
	return c
}

// readLoop reads replies until the connection ends. It runs on its own
// goroutine.
func (c *testClient) readLoop() {
	defer close(c.replies)
	for {
		// A receiver that is silent for this long has failed.
		if c.end = c.conn.SetReadDeadline(time.Now().Add(patience)); c.end != nil {
			return
		}
		kind, message, err := c.conn.ReadMessage()
		if err != nil {
			c.end = err
			return
		}
		if kind != websocket.TextMessage {
			c.end = fmt.Errorf("a reply of kind %d", kind)
			return
		}
		reply, err := protocol.ParseReply(message)
		if err != nil {
			c.end = fmt.Errorf("reply %q: %w", message, err)
			return
		}
		c.replies <- reply
	}
}

// send writes one message.
func (c *testClient) send(message string) error {
	c.sent.Add(1)
	return c.conn.WriteMessage(websocket.TextMessage, []byte(message))
}

// reply waits for the next reply.
func (c *testClient) reply() protocol.Reply {
	c.t.Helper()
	reply, open := <-c.replies
	if !open {
		require.FailNow(c.t, "the connection ended", "%v", c.end)
	}
	return reply
}

// acked reads replies until message through is confirmed, and calls check with
// the number of each ack. It returns the nacks by message, and how many acks it
// took.
func (c *testClient) acked(through uint64, check func(ack uint64)) (nacks map[uint64]protocol.Reply, acks int) {
	c.t.Helper()
	nacks = map[uint64]protocol.Reply{}
	for last := uint64(0); last < through; {
		reply := c.reply()
		if reply.Nack > 0 {
			require.Greater(c.t, reply.Nack, last, "a nack of a message that was already confirmed")
			nacks[reply.Nack] = reply
			continue
		}
		require.Greater(c.t, reply.Ack, last, "ack numbers rise")
		require.LessOrEqual(c.t, reply.Ack, c.sent.Load(), "nothing is confirmed before it is sent")
		last = reply.Ack
		acks++
		check(last)
	}
	return nacks, acks
}

// record is the text of a record with a number.
func record(seq int) string { return fmt.Sprintf(`{"message":"a line","seq":%d}`, seq) }
