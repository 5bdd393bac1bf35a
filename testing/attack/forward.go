// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package attack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/tinylib/msgp/msgp"

	"filebeat-websocket/protocol/forward"
)

// onForward returns what clients can do to Fluent Forward over TCP.
func onForward() []Attack {
	kinds := []Kind{Forward}
	tiny := request(bytes.Repeat(entry, longest/len(entry)))
	multiplied := zippedRequest(bytes.Repeat(entry, longest/len(entry)))
	bomb := zippedRequest(make([]byte, 64<<20))
	stalled := request(make([]byte, longest))
	acked := bytes.Repeat(requestWithChunk(), 1000)
	return []Attack{
		{Name: "connects to Forward and sends nothing", Kinds: kinds, Clients: strangers, connect: (*client).hold},
		{Name: "sends requests whose last byte never comes", Kinds: kinds, Clients: places, Full: true, connect: greeted(func(c *client) {
			if c.send(stalled[:len(stalled)-1]) {
				c.hold()
			}
		})},
		{Name: "sends requests that never end, a byte at a time", Kinds: kinds, Clients: 256, connect: greeted(func(c *client) {
			if c.send(stalled[:len(stalled)-longest]) {
				c.trickle([]byte{0})
			}
		})},
		{Name: "sends requests that are garbage over TCP", Kinds: kinds, Clients: 32, connect: greeted(func(c *client) { c.again(garbage(64 << 10)) })},
		{Name: "sends requests of tiny records", Kinds: kinds, Clients: 32, connect: greeted(func(c *client) { c.again(tiny) })},
		{Name: "sends requests with gzip that inflates, and a tag for each record", Kinds: kinds, Clients: 32, connect: greeted(func(c *client) { c.again(multiplied) })},
		{Name: "sends requests that inflate to 64 MiB", Kinds: kinds, Clients: 32, connect: greeted(func(c *client) { c.again(bomb) })},
		{Name: "nests requests without end", Kinds: kinds, Clients: 16, connect: greeted(func(c *client) { c.again(bytes.Repeat([]byte{0x91}, longest)) })},
		{Name: "announces in requests what does not come", Kinds: kinds, Clients: len(lies), connect: greeted(func(c *client) { c.again(lies[c.number]) })},
		{Name: "sends requests with chunks and reads no ack", Kinds: kinds, Clients: 64, connect: greeted(func(c *client) { c.flood(acked) })},
		{Name: "answers the handshake wrongly", Kinds: kinds, Clients: 32, connect: func(c *client) {
			c.again(wrongPing())
		}},
	}
}

// greeted returns a connect that goes on after the handshake.
func greeted(after func(*client)) func(*client) {
	return func(c *client) {
		if _, err := greet(c, c.target.Token); err == nil {
			after(c)
		}
		c.sent()
	}
}

// greet does the client's part of the handshake, if there is a key.
func greet(conn net.Conn, key string) (*forward.Stream, error) {
	values := forward.NewStream(8 << 10)
	if key == "" {
		return values, nil
	}
	message, err := nextValue(conn, values)
	if err != nil {
		return nil, err
	}
	helo, err := forward.ParseHelo(message)
	if err != nil {
		return nil, err
	}
	salt := []byte("salt")
	ping := forward.Ping{Hostname: "client", Salt: salt, KeyDigest: forward.KeyDigest(salt, "client", helo.Nonce, key)}
	if _, err := conn.Write(forward.AppendPing(nil, ping)); err != nil {
		return nil, err
	}
	if message, err = nextValue(conn, values); err != nil {
		return nil, err
	}
	pong, err := forward.ParsePong(message)
	if err == nil && !pong.OK {
		err = errors.New(pong.Reason)
	}
	return values, err
}

func nextValue(conn io.Reader, values *forward.Stream) ([]byte, error) {
	piece := make([]byte, 1<<10)
	for {
		if value, err := values.Next(); err != nil || value != nil {
			return value, err
		}
		n, err := conn.Read(piece)
		if err != nil {
			return nil, err
		}
		values.Write(piece[:n])
	}
}

// forwardLink is a connection of a Good client.
type forwardLink struct {
	net.Conn
	values *forward.Stream
}

func dialForward(ctx context.Context, target Target, deadline time.Time) (link, error) {
	conn, err := (&net.Dialer{Deadline: deadline}).DialContext(ctx, "tcp", target.Address)
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(deadline) // what follows would fail, too
	values, err := greet(conn, target.Token)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return forwardLink{conn, values}, nil
}

func (l forwardLink) confirm(_ int, line string, deadline time.Time) error {
	_ = l.SetDeadline(deadline) // likewise
	if _, err := l.Write(requestOf(line)); err != nil {
		return err
	}
	value, err := nextValue(l, l.values)
	if err != nil {
		return err
	}
	chunk, err := forward.ParseAck(value)
	if err == nil && chunk != line {
		err = fmt.Errorf("ack of another chunk: %q", chunk)
	}
	return err
}

// requestOf returns a request with one record, whose chunk is the line.
func requestOf(line string) []byte {
	b := msgp.AppendString(msgp.AppendArrayHeader(nil, 4), "good")
	b = msgp.AppendMapHeader(msgp.AppendInt(b, 0), 1)
	b = msgp.AppendString(msgp.AppendString(b, "message"), line)
	return msgp.AppendString(msgp.AppendString(msgp.AppendMapHeader(b, 1), "chunk"), line)
}

// wrongPing returns the second message of the handshake, with digests of no key.
func wrongPing() []byte {
	b := msgp.AppendArrayHeader(nil, 6)
	for _, part := range []string{"PING", "stranger", "salt", strings.Repeat("0", 128), "", ""} {
		b = msgp.AppendString(b, part)
	}
	return b
}

// request returns a request of Fluent Forward with packed entries.
func request(entries []byte) []byte {
	return msgp.AppendBytes(msgp.AppendString(msgp.AppendArrayHeader(nil, 2), "stranger"), entries)
}

// requestWithChunk returns a request that wants an ack.
func requestWithChunk() []byte {
	b := msgp.AppendString(msgp.AppendArrayHeader(nil, 3), "stranger")
	b = msgp.AppendBytes(b, entry)
	return msgp.AppendString(msgp.AppendString(msgp.AppendMapHeader(b, 1), "chunk"), "c3RyYW5nZXI=")
}
