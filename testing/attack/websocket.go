// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package attack

import (
	"bytes"
	"net"
	"slices"
)

// places is how many connections wsreceiver has room for unless told otherwise.
const places = 1024

// upgraded returns a connect that goes on after the upgrade.
func upgraded(after func(*client)) func(*client) {
	return func(c *client) {
		if c.upgrade() {
			after(c)
		}
		c.sent()
	}
}

// onWebSocket returns what clients can do to the protocol.
func onWebSocket() []Attack {
	kinds := []Kind{WebSocket}
	pings := bytes.Repeat(whole(ping, make([]byte, 125)), 1000)
	refused := bytes.Repeat(whole(binaryMessage, junk), 1000)
	small := append(frame(beginOfText, 1, []byte("x")), bytes.Repeat(frame(continuation, 1, []byte("x")), longest/2)...)
	return []Attack{
		{Name: "holds upgraded connections without a word", Kinds: kinds, Clients: places, Full: true, connect: upgraded(func(c *client) {
			c.sent()
			<-c.ctx.Done()
		})},
		{Name: "does the same, but answers Pings", Kinds: kinds, Clients: places, Full: true, connect: upgraded((*client).answer)},
		{Name: "upgrades and leaves at once, without end", Kinds: kinds, Clients: 64, connect: upgraded(func(c *client) {
			if tcp, ok := c.Conn.(*net.TCPConn); ok && c.number%2 == 1 {
				_ = tcp.SetLinger(0) // RST instead of FIN
			}
		})},
		{Name: "breaks the protocol", Kinds: kinds, Clients: len(broken), connect: upgraded(func(c *client) {
			if c.send(broken[c.number]) {
				c.hold()
			}
		})},
		{Name: "sends frames that are garbage", Kinds: kinds, Clients: 32, connect: upgraded(func(c *client) {
			c.again(garbage(64 << 10))
		})},
		{Name: "sends a message in frames of a byte", Kinds: kinds, Clients: 16, connect: upgraded(func(c *client) { c.again(small) })},
		{Name: "continues a message with empty frames, without end", Kinds: kinds, Clients: 16, connect: upgraded(func(c *client) {
			if c.send(frame(beginOfText, 1, []byte("x"))) {
				c.again(bytes.Repeat(frame(continuation, 0, nil), 10_000))
			}
		})},
		{Name: "sends Pings and reads no answer", Kinds: kinds, Clients: 64, connect: upgraded(func(c *client) { c.flood(pings) })},
		{Name: "sends what is refused and reads no answer", Kinds: kinds, Clients: 64, connect: upgraded(func(c *client) { c.flood(refused) })},
	}
}

// answer reads, and answers whatever comes with a Pong.
func (c *client) answer() {
	c.sent()
	buffer := make([]byte, 1<<10)
	for {
		if _, err := c.Read(buffer); err != nil {
			return
		}
		if !c.send(whole(pong, nil)) {
			return
		}
	}
}

const pong = 0x8A

// broken are frames that end a connection.
var broken = [][]byte{
	{0x81, 1, 'x'},                        // not masked
	frame(0xF1, 1, []byte("x")),           // reserved bits
	frame(0x83, 1, []byte("x")),           // a reserved opcode
	frame(0x8B, 0, nil),                   // another one
	frame(0x09, 0, nil),                   // a Ping in pieces
	whole(ping, make([]byte, 126)),        // a long Ping
	frame(0x80, 1, []byte("x")),           // continues nothing
	frame(binaryMessage, 1<<63, nil),      // a negative length
	frame(textMessage, 1<<62, nil),        // a length that is a lie
	frame(compressedMessage, 1<<62, nil),  // another one
	whole(compressedMessage, garbage(99)), // not what deflate makes
	whole(textMessage, []byte{0xFF}),      // not UTF-8
	whole(0x88, []byte{3}),                // half a close code
	whole(0x88, []byte{3, 0xED}),          // 1005, which is for nobody
	slices.Concat(frame(beginOfText, 1, []byte("a")), whole(textMessage, []byte("b"))),
}
