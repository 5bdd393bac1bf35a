// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package rfc6455

import (
	"bufio"
	"errors"
	"net"
	"os"
	"slices"
	"time"
)

// playTimeout ends a case whose connection goes on. What has to come comes at once.
const playTimeout = 30 * time.Second

// lastPing is behind everything that a case sends.
const lastPing = "the last Ping"

// player is one connection to the side under test.
type player struct {
	c    Case
	side Side
	conn net.Conn
	in   *bufio.Reader
	// delivered returns what the application has got so far. It is nil if the application
	// sends everything back.
	delivered func() []Message
	more      chan frame // to be sent behind those of the case
	seen      Seen
	echo      []byte // of a message that is not complete
	kind      byte
	isPacked  bool
}

// Play sends a case to that side, over a connection that is upgraded, and returns what
// it saw. The application either sends every message back, or delivered says what it has
// got so far. Play closes the connection.
func Play(c Case, side Side, conn net.Conn, in *bufio.Reader, delivered func() []Message) Seen {
	p := &player{c: c, side: side, conn: conn, in: in, delivered: delivered}
	p.seen.End = Hangs
	defer func() { _ = conn.Close() }() // it has ended
	_ = conn.SetDeadline(time.Now().Add(playTimeout))
	written := make(chan struct{})
	p.more = make(chan frame, 2)
	go func() {
		defer close(written)
		p.write()
	}()
	p.play()
	_ = conn.Close() // ends the write, if the side has stopped to read
	close(p.more)
	<-written
	if delivered != nil {
		p.seen.Messages = delivered()
	}
	p.seen.Pongs = slices.DeleteFunc(p.seen.Pongs, func(payload string) bool { return payload == lastPing })
	return p.seen
}

func (p *player) write() {
	var all []byte
	for _, f := range p.c.frames {
		all = append(all, f.bytes(p.side)...)
	}
	chunk := p.c.chunk
	if chunk == 0 {
		chunk = max(1, len(all))
	}
	for part := range slices.Chunk(all, chunk) {
		if _, err := p.conn.Write(part); err != nil {
			break // the connection has ended, which the reader sees
		}
	}
	for f := range p.more {
		_, _ = p.conn.Write(f.bytes(p.side)) // as above
	}
}

func (p *player) messages() int {
	if p.delivered != nil {
		return len(p.delivered())
	}
	return len(p.seen.Messages)
}

// play reads until the connection ends. If the case does not end it, the Pong of the
// last Ping shows that all was read; then it is closed, unless it had to end by itself.
func (p *player) play() {
	ends := len(p.c.ends) > 0 && !p.c.mayAccept
	hasPinged, hasClosed := false, false
	for {
		if ends && slices.Contains(p.seen.Pongs, lastPing) {
			return // it goes on
		}
		if !hasPinged && (ends || len(p.c.pongs) == 0 || slices.Contains(p.seen.Pongs, p.c.pongs[len(p.c.pongs)-1])) {
			hasPinged = true
			p.more <- frame{first: fin | ping, payload: lastPing}
		}
		if !hasClosed && slices.Contains(p.seen.Pongs, lastPing) && p.messages() >= len(p.c.messages) {
			hasClosed = true
			p.more <- closing(1000, "")
		}
		f, err := readFrame(p.in, p.side)
		switch {
		case errors.Is(err, errFrame):
			p.seen.Fault = err.Error()
			return
		case errors.Is(err, os.ErrDeadlineExceeded):
			return
		case err != nil:
			p.seen.End = Dropped
			return
		}
		if p.take(f) {
			return
		}
	}
}

// take handles a frame, and reports whether it was a Close frame.
func (p *player) take(f received) (isEnd bool) {
	switch opcode := f.first & 0x0f; opcode {
	case closeFrame:
		p.seen.End = NoCode
		if len(f.payload) >= 2 {
			p.seen.End = int(f.payload[0])<<8 | int(f.payload[1])
		}
		return true
	case pong:
		p.seen.Pongs = append(p.seen.Pongs, string(f.payload))
	case text, binaryData, continuation:
		if opcode != continuation {
			p.kind, p.isPacked, p.echo = opcode, f.first&rsv1 != 0, nil
		}
		p.echo = append(p.echo, f.payload...)
		if f.first&fin != 0 {
			p.seen.Messages = append(p.seen.Messages, p.echoed())
		}
	}
	return false
}

func (p *player) echoed() Message {
	m := Message{Kind: "text", Data: string(p.echo)}
	if p.kind == binaryData {
		m.Kind = "binary"
	}
	if p.isPacked {
		var err error
		if m.Data, err = inflated(p.echo); err != nil {
			p.seen.Fault = "an echo cannot be inflated"
		}
	}
	return m
}
