// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package wstest

import (
	"bufio"
	"errors"
	"io"
	"net"
	"sync"
	"time"
	"unicode/utf8"
)

const (
	// writeTimeout ends a connection whose client does not read.
	writeTimeout = 10 * time.Second
	// drainTimeout is how long a connection is read after its FIN: closing it
	// with unread bytes would turn the FIN into an RST and could take the Close
	// frame with it.
	drainTimeout = 2 * time.Second
	// smallReadBuffer lets a client notice soon that nobody reads.
	smallReadBuffer = 32 << 10
)

// conn is one accepted connection. serve is its reader and owns all fields but
// those named otherwise.
type conn struct {
	server  *Server
	number  int
	fault   Fault
	netConn net.Conn

	info    *ConnInfo // under the ledger's lock
	frames  frameReader
	partial []byte  // a fragmented message so far
	opcode  byte    // of that message, 0 outside of one
	pending *[]byte // payload of the newest Ping, unanswered, for PongOnlyNewest

	delayed pongQueue
	acks    acker

	writeMutex sync.Mutex
	silent     bool // nothing is written any more; under writeMutex
	upgraded   bool // under writeMutex
	out        []byte

	endOnce sync.Once
	ended   chan struct{} // closed by cut
}

func newConn(s *Server, number int, netConn net.Conn, fault Fault) *conn {
	c := &conn{server: s, number: number, fault: fault, netConn: netConn, ended: make(chan struct{})}
	if fault.SlowRead > 0 || fault.StopReadingAtMessage != 0 {
		if tcp := c.tcp(); tcp != nil {
			_ = tcp.SetReadBuffer(smallReadBuffer) // without it the effect only comes later
		}
	}
	return c
}

// serve is the connection's reader goroutine.
func (c *conn) serve() {
	defer c.server.forget(c)
	defer c.cut(false)
	br := bufio.NewReader(c.netConn)
	req := c.handshake(br)
	if req == nil {
		c.hangUp()
		return
	}
	counted := c.server.ledger
	c.info = &ConnInfo{Conn: c.number, RemoteAddr: c.netConn.RemoteAddr().String(), Request: req, Subprotocol: c.server.pickSubprotocol(req), Open: true}
	counted.update(func() {
		counted.counts.Upgraded++
		counted.counts.Open++
		counted.conns = append(counted.conns, c.info)
	})
	defer counted.update(func() {
		counted.counts.Open--
		c.info.Open = false
	})
	c.writeMutex.Lock()
	c.upgraded = true
	c.writeMutex.Unlock()

	c.frames = frameReader{src: c.source(br), idle: c.idle}
	c.open()
	if c.strike(AtOpen) {
		return
	}
	for over := false; !over; {
		over = c.step()
	}
}

// source is what to read frames from: what came with the request, then the
// connection, at the pace of SlowRead.
func (c *conn) source(br *bufio.Reader) io.Reader {
	var src io.Reader = c.netConn
	if c.fault.SlowRead > 0 {
		src = &slowReader{src: src, bytesPerSecond: c.fault.SlowRead, ended: c.ended}
	}
	if br.Buffered() == 0 {
		return src
	}
	return io.MultiReader(io.LimitReader(br, int64(br.Buffered())), src)
}

// open does what the fault asks for right after the upgrade.
func (c *conn) open() {
	if len(c.fault.SendGarbage) > 0 {
		c.write(c.fault.SendGarbage)
	}
	if c.fault.SendMessage != "" {
		c.writeFrame(opText, []byte(c.fault.SendMessage))
	}
	if c.fault.SendHuge > 0 {
		c.server.running.Go(c.writeHuge)
	}
	c.writeUnasked()
	for _, flood := range []struct {
		opcode byte
		frames int
	}{{opPing, c.fault.PingFlood}, {opText, c.fault.TinyMessages}} {
		if flood.frames > 0 {
			c.server.running.Go(func() { c.writeFlood(flood.opcode, flood.frames) })
		}
	}
	if c.fault.EndlessMessage {
		c.server.running.Go(c.writeEndless)
	}
	if c.fault.Delay > 0 {
		c.delayed.wake = make(chan struct{}, 1)
		c.server.running.Go(c.pongLoop)
	}
	c.startAcks()
}

// idle runs before each read that may block.
func (c *conn) idle() {
	if c.pending != nil {
		c.writePong(*c.pending)
		c.pending = nil
	}
	c.ackIdle()
	c.server.ledger.wake()
}

// step handles one frame and reports whether the connection is over.
func (c *conn) step() (over bool) {
	f, err := c.frames.next()
	if err == nil {
		switch f.opcode {
		case opContinuation, opText, opBinary:
			over, err = c.data(f)
		case opPing:
			c.ping(f.payload)
		case opPong:
			c.pong()
		case opClose:
			err = c.close(f.payload)
			over = true
		default:
			err = violated(closeProtocolError, "opcode %#x", f.opcode)
		}
	}
	if violation, ok := errors.AsType[*protocolError](err); ok {
		c.server.ledger.violation(c.number, "%s", violation.reason)
		c.lastWords(appendFrame(nil, opClose, closePayload(violation.code, violation.reason)))
		c.hangUp()
	}
	return over || err != nil
}

// data joins the fragments of a message and counts it.
func (c *conn) data(f frame) (over bool, err error) {
	if (f.opcode == opContinuation) != (c.opcode != 0) {
		return true, violated(closeProtocolError, "continuation frame outside of a message, or a message inside of another")
	}
	message, opcode := f.payload, f.opcode
	if !f.fin || c.opcode != 0 {
		if len(c.partial)+len(f.payload) > maxMessageBytes {
			return true, violated(closeTooBig, "message of more than %d bytes", maxMessageBytes)
		}
		c.partial = append(c.partial, f.payload...)
		if c.opcode == 0 {
			c.opcode = f.opcode
		}
		if !f.fin {
			return false, nil
		}
		message, opcode = c.partial, c.opcode
		c.partial, c.opcode = c.partial[:0], 0
	}
	if opcode == opText && !utf8.Valid(message) {
		return true, violated(closeInvalidData, "text message is not UTF-8")
	}
	number := c.server.ledger.message(c.info, opcode, message)
	return c.strike(number) || c.confirm(number, message), nil
}

// close answers a Close frame and closes the connection first, as a server does
// (RFC 6455 7.1.1).
func (c *conn) close(payload []byte) error {
	code := closeNoStatus
	if len(payload) > 0 {
		var ok bool
		if code, ok = closeCode(payload); !ok {
			return violated(closeProtocolError, "close frame with the payload %q", payload)
		}
	}
	c.server.ledger.update(func() { c.info.CloseCode = code })
	c.lastWords(appendFrame(nil, opClose, payload))
	c.hangUp()
	return nil
}

// closeCode reads a Close frame's payload; codes are those of RFC 6455 7.4 and
// IANA's registry that may be on the wire.
func closeCode(payload []byte) (code int, ok bool) {
	if len(payload) < 2 || !utf8.Valid(payload[2:]) {
		return 0, false
	}
	code = int(payload[0])<<8 | int(payload[1])
	ok = code >= 1000 && code <= 1014 && code != 1004 && code != closeNoStatus && code != 1006 ||
		code >= 3000 && code <= 4999
	return code, ok
}

// strike does what the fault asks for after message number at, or at AtOpen, and
// reports whether the connection is over.
func (c *conn) strike(at int) (over bool) {
	switch at {
	case c.fault.DropAtMessage:
		c.cut(true)
	case c.fault.CloseAtMessage:
		c.lastWords(appendFrame(nil, opClose, closePayload(c.fault.CloseCode, c.fault.CloseReason)))
		c.hangUp()
	case c.fault.HalfFrameAtMessage:
		whole := appendFrame(nil, opText, make([]byte, 100))
		c.lastWords(whole[:len(whole)/2])
		c.hangUp()
	case c.fault.StopReadingAtMessage:
		c.server.ledger.wake()
		<-c.ended
	default:
		return false
	}
	return true
}

// hangUp sends FIN and reads on until the client closes the connection too.
func (c *conn) hangUp() {
	if tcp := c.tcp(); tcp == nil || tcp.CloseWrite() != nil {
		return
	}
	_ = c.netConn.SetReadDeadline(time.Now().Add(drainTimeout))
	_, _ = io.Copy(io.Discard, c.netConn)
}

// goAway ends the connection for Stop, on its goroutine: the reader sees the end when
// the client closes the connection.
func (c *conn) goAway() {
	_ = c.netConn.SetWriteDeadline(time.Now().Add(stopTimeout)) // frees a writer that holds writeMutex
	c.writeMutex.Lock()
	upgraded := c.upgraded
	c.writeMutex.Unlock()
	if !upgraded {
		c.cut(true)
		return
	}
	c.lastWords(appendFrame(nil, opClose, closePayload(closeGoingAway, "")))
	if tcp := c.tcp(); tcp != nil {
		_ = tcp.CloseWrite()
	}
}

// cut closes the connection, with an RST if asked. Called from any goroutine;
// only the first call counts.
func (c *conn) cut(rst bool) {
	c.endOnce.Do(func() {
		if tcp := c.tcp(); tcp != nil && rst {
			_ = tcp.SetLinger(0)
			_ = tcp.Close() // not through TLS, which would say goodbye first
		}
		_ = c.netConn.Close()
		close(c.ended)
	})
}

// tcp returns the TCP connection, which may be below TLS.
func (c *conn) tcp() *net.TCPConn {
	inner := c.netConn
	if tls, ok := inner.(interface{ NetConn() net.Conn }); ok {
		inner = tls.NetConn()
	}
	tcp, _ := inner.(*net.TCPConn)
	return tcp
}
