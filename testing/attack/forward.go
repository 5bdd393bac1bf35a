// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package attack

import (
	"bytes"
	"strings"

	"github.com/tinylib/msgp/msgp"
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
		{Name: "sends requests whose last byte never comes", Kinds: kinds, Clients: places, Full: true, connect: func(c *client) {
			if c.send(stalled[:len(stalled)-1]) {
				c.hold()
			}
		}},
		{Name: "sends requests that never end, a byte at a time", Kinds: kinds, Clients: 256, connect: func(c *client) {
			if c.send(stalled[:len(stalled)-longest]) {
				c.trickle([]byte{0})
			}
		}},
		{Name: "sends requests that are garbage", Kinds: kinds, Clients: 32, connect: func(c *client) { c.again(garbage(64 << 10)) }},
		{Name: "sends requests of tiny records", Kinds: kinds, Clients: 32, connect: func(c *client) { c.again(tiny) }},
		{Name: "sends requests with gzip that inflates, and a tag for each record", Kinds: kinds, Clients: 32, connect: func(c *client) { c.again(multiplied) }},
		{Name: "sends requests that inflate to 64 MiB", Kinds: kinds, Clients: 32, connect: func(c *client) { c.again(bomb) }},
		{Name: "nests requests without end", Kinds: kinds, Clients: 16, connect: func(c *client) { c.again(bytes.Repeat([]byte{0x91}, longest)) }},
		{Name: "announces in requests what does not come", Kinds: kinds, Clients: len(lies), connect: func(c *client) { c.again(lies[c.number]) }},
		{Name: "sends requests with chunks and reads no ack", Kinds: kinds, Clients: 64, connect: func(c *client) { c.flood(acked) }},
		{Name: "answers the handshake wrongly", Kinds: kinds, Clients: 32, connect: func(c *client) {
			c.again(wrongPing())
		}},
	}
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
