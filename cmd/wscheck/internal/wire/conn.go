// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"time"
	"unicode/utf8"

	"filebeat-websocket/protocol"
)

// What bounds the memory that a server can take. No check needs as much.
const (
	maxMessageBytes = 4 << 20
	maxEvents       = 100_000 // of a connection
	maxEventBytes   = 64 << 20
	maxViolations   = 1000
)

// deflateTail ends every compressed message and is not sent (RFC 7692 7.2.2); the empty
// block behind it ends the stream for the decompressor.
const deflateTail = "\x00\x00\xff\xff\x01\x00\x00\xff\xff"

// Event is something that the server did.
type Event struct {
	At time.Time
	// Opcode is Text or Binary for a message, Pong, Ping or Close. A Close of Code 1006 is
	// the end without a Close frame; Reason is then the error.
	Opcode  byte
	Payload []byte
	Code    protocol.CloseCode
	Reason  string
}

// Conn is a connection. One goroutine at a time may wait for its events; anyone may write.
type Conn struct {
	socket  net.Conn
	reader  *bufio.Reader
	deflate bool
	timeout time.Duration

	writeMutex sync.Mutex
	closing    bool // a Close frame was sent; under writeMutex

	mutex      sync.Mutex
	events     []Event
	eventBytes int
	taken      int
	violations []string
	ended      bool          // no more events
	hungUp     bool          // the server has closed the TCP connection
	changed    chan struct{} // closed and replaced with each event
	gate       chan struct{} // not nil while nothing is read
	finished   chan struct{}
}

func newConn(socket net.Conn, buffered []byte, deflate bool, timeout time.Duration) *Conn {
	c := &Conn{socket: socket, deflate: deflate, timeout: timeout, changed: make(chan struct{}), finished: make(chan struct{})}
	c.reader = bufio.NewReader(io.MultiReader(bytes.NewReader(buffered), gated{c}))
	go c.readLoop()
	return c
}

// gated reads from the socket while the gate is open.
type gated struct{ c *Conn }

func (g gated) Read(p []byte) (int, error) {
	g.c.mutex.Lock()
	gate := g.c.gate
	g.c.mutex.Unlock()
	if gate != nil {
		<-gate
	}
	return g.c.socket.Read(p)
}

// StopReading makes the reader stop after what it is reading, until Resume.
func (c *Conn) StopReading() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.gate == nil {
		c.gate = make(chan struct{})
	}
}

// Resume ends StopReading.
func (c *Conn) Resume() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.gate != nil {
		close(c.gate)
		c.gate = nil
	}
}

// Write writes bytes as they are.
func (c *Conn) Write(raw []byte) error {
	c.writeMutex.Lock()
	defer c.writeMutex.Unlock()
	return c.writeLocked(raw)
}

func (c *Conn) writeLocked(raw []byte) error {
	_ = c.socket.SetWriteDeadline(time.Now().Add(c.timeout)) // a socket that is closed says so in the write
	_, err := c.socket.Write(raw)
	return err
}

// Send writes frames, in one write.
func (c *Conn) Send(frames ...Frame) error {
	var raw []byte
	for _, f := range frames {
		raw = f.Append(raw)
	}
	return c.Write(raw)
}

// SendClose writes a Close frame, once.
func (c *Conn) SendClose(code protocol.CloseCode) error {
	c.writeMutex.Lock()
	defer c.writeMutex.Unlock()
	if c.closing {
		return nil
	}
	c.closing = true
	return c.writeLocked(Frame{Opcode: Close, Payload: ClosePayload(int(code), "")}.Append(nil))
}

// Cut ends the connection with an RST, as a machine does that is switched off and on, and
// Close with a FIN. Both wait for the reader.
func (c *Conn) Cut() {
	if tcp, ok := c.socket.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	c.Close()
}

// Close ends the connection without a Close frame.
func (c *Conn) Close() {
	_ = c.socket.Close()
	c.Resume()
	<-c.finished
}

// Next returns the next event, and false if there is none before the deadline or at all.
func (c *Conn) Next(deadline time.Time) (Event, bool) {
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	for {
		c.mutex.Lock()
		if c.taken < len(c.events) {
			event := c.events[c.taken]
			c.taken++
			c.mutex.Unlock()
			return event, true
		}
		ended, changed := c.ended, c.changed
		c.mutex.Unlock()
		if ended {
			return Event{}, false
		}
		select {
		case <-changed:
		case <-timer.C:
			return Event{}, false
		}
	}
}

// Ended reports whether there will be no more events.
func (c *Conn) Ended() bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.ended && c.taken == len(c.events)
}

// Violations returns what the server did against RFC 6455.
func (c *Conn) Violations() []string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return slices.Clone(c.violations)
}

// AwaitHangUp reports whether the server closes the TCP connection before the deadline. To
// be called after a Close frame has come.
func (c *Conn) AwaitHangUp(deadline time.Time) bool {
	_ = c.socket.SetReadDeadline(deadline) // a socket that is closed has ended the reader
	<-c.finished
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.hungUp
}

func (c *Conn) add(e Event) {
	e.At = time.Now()
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.events = append(c.events, e)
	c.eventBytes += len(e.Payload)
	c.wake()
}

func (c *Conn) wake() {
	close(c.changed)
	c.changed = make(chan struct{})
}

func (c *Conn) violated(format string, args ...any) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if len(c.violations) == maxViolations {
		return
	}
	c.violations = append(c.violations, fmt.Sprintf(format, args...))
}

// isFlooded reports whether more has come than any check asks for.
func (c *Conn) isFlooded() bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return len(c.events) > maxEvents || c.eventBytes > maxEventBytes
}

// readLoop runs until the connection ends.
func (c *Conn) readLoop() {
	defer close(c.finished)
	err := c.readFrames()
	if err == nil {
		// A Close frame came. Nothing may follow it but the end.
		_, err = io.Copy(io.Discard, c.reader)
		c.mutex.Lock()
		c.hungUp = err == nil || !isTimeout(err)
		c.mutex.Unlock()
	} else {
		c.add(Event{Opcode: Close, Code: protocol.CloseAbnormal, Reason: err.Error()})
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.ended = true
	c.wake()
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

// head is the head of a frame.
type head struct {
	fin     bool
	rsv     byte
	opcode  byte
	payload []byte
}

// readFrames returns nil after a Close frame.
func (c *Conn) readFrames() error {
	var partial []byte
	var opcode byte
	deflated := false
	for {
		if c.isFlooded() {
			return fmt.Errorf("more than %d messages or %d MiB from the server", maxEvents, maxEventBytes>>20)
		}
		f, err := c.readFrame()
		if err != nil {
			return err
		}
		switch f.opcode {
		case Continuation, Text, Binary:
			if (f.opcode == Continuation) != (opcode != 0) {
				c.violated("a continuation frame outside of a message, or a message inside of another (5.4)")
			}
			if f.opcode != Continuation {
				opcode, deflated, partial = f.opcode, f.rsv == 0x40 && c.deflate, nil
			}
			if f.rsv != 0 && (f.rsv != 0x40 || !c.deflate || f.opcode == Continuation) {
				c.violated("reserved bits are set without an extension (5.2)")
			}
			if len(partial)+len(f.payload) > maxMessageBytes {
				return errors.New("a message of more than 4 MiB from the server")
			}
			partial = append(partial, f.payload...)
			if f.fin {
				c.message(opcode, deflated, partial)
				opcode, partial = 0, nil
			}
		default:
			if f.rsv != 0 {
				c.violated("reserved bits are set in a control frame (5.2)")
			}
			if over := c.control(f); over {
				return nil
			}
		}
	}
}

func (c *Conn) message(opcode byte, deflated bool, payload []byte) {
	if deflated {
		inflated, err := io.ReadAll(io.LimitReader(flate.NewReader(io.MultiReader(bytes.NewReader(payload), bytes.NewReader([]byte(deflateTail)))), maxMessageBytes))
		if err != nil {
			c.violated("a compressed message cannot be inflated (RFC 7692 7.2.2)")
		}
		payload = inflated
	}
	if opcode == Text && !utf8.Valid(payload) {
		c.violated("a text message is not UTF-8 (5.6)")
	}
	c.add(Event{Opcode: opcode, Payload: payload})
}

// control handles a control frame, and reports whether it was a Close.
func (c *Conn) control(f head) (over bool) {
	if !f.fin || len(f.payload) > maxControlBytes {
		c.violated("a control frame is fragmented or longer than 125 bytes (5.5)")
	}
	switch f.opcode {
	case Ping:
		_ = c.Send(Frame{Opcode: Pong, Payload: f.payload}) // the reader finds out that the connection has ended
		c.add(Event{Opcode: Ping, Payload: f.payload})
	case Pong:
		c.add(Event{Opcode: Pong, Payload: f.payload})
	case Close:
		event := Event{Opcode: Close, Code: protocol.CloseNone}
		if len(f.payload) >= 2 {
			event.Code, event.Reason = protocol.CloseCode(binary.BigEndian.Uint16(f.payload)), string(f.payload[2:])
		}
		unfit := len(f.payload) == 1 || !event.Code.Known() || event.Code == protocol.CloseNone
		if len(f.payload) > 0 && (unfit || !utf8.ValidString(event.Reason)) {
			c.violated("a Close frame with the payload %q (7.4)", f.payload)
		}
		answer := event.Code
		if answer == protocol.CloseNone {
			answer = protocol.CloseNormal
		}
		_ = c.SendClose(answer) // the server may be gone already
		c.add(event)
		return true
	default:
		c.violated("a frame with the reserved opcode %#x (5.2)", f.opcode)
	}
	return false
}

func (c *Conn) readFrame() (head, error) {
	var b [8]byte
	if _, err := io.ReadFull(c.reader, b[:2]); err != nil {
		return head{}, err
	}
	f := head{fin: b[0]&0x80 != 0, rsv: b[0] & 0x70, opcode: b[0] & 0x0f}
	masked, length := b[1]&0x80 != 0, uint64(b[1]&0x7f)
	var shortest uint64
	var err error
	switch length {
	case 126:
		_, err = io.ReadFull(c.reader, b[:2])
		length, shortest = uint64(binary.BigEndian.Uint16(b[:])), 126
	case 127:
		_, err = io.ReadFull(c.reader, b[:8])
		length, shortest = binary.BigEndian.Uint64(b[:]), 1<<16
	}
	if err != nil {
		return f, err
	}
	if length < shortest {
		c.violated("a length that is not in its shortest form (5.2)")
	}
	if length > maxMessageBytes {
		return f, fmt.Errorf("a frame of %d bytes from the server", length)
	}
	var key [4]byte
	if masked {
		c.violated("a masked frame: a server masks nothing (5.1)")
		if _, err := io.ReadFull(c.reader, key[:]); err != nil {
			return f, err
		}
	}
	f.payload = make([]byte, length)
	_, err = io.ReadFull(c.reader, f.payload)
	for i := range f.payload {
		f.payload[i] ^= key[i&3]
	}
	return f, err
}

// Deflate compresses the payload of a message on its own (RFC 7692 7.2.1).
func Deflate(payload []byte) []byte {
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestSpeed)
	if err != nil {
		panic(err) // the level is valid
	}
	_, _ = w.Write(payload) // a bytes.Buffer takes everything
	_ = w.Flush()
	return bytes.TrimSuffix(out.Bytes(), []byte(deflateTail[:4]))
}
