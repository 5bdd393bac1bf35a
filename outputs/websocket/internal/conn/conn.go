// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"

	"filebeat-websocket/protocol"
	"filebeat-websocket/protocol/frames"
)

// flushBytes is the length of the buffer at which it is written to the socket. With
// larger buffers the saving in system calls is too small to measure, and a Pong waits
// longer.
const flushBytes = 64 << 10

// keepBytes is the maximum length of a connection's own write buffer. A longer message
// borrows a buffer from bufferPool until it is written, so that an idle connection does
// not hold its memory.
const keepBytes = 4 * flushBytes

// ErrTooBig ends a connection whose peer sent a message beyond MaxReadBytes.
var ErrTooBig = errors.New("the server sent a message longer than max_read_bytes")

var errNotUTF8 = &ViolationError{frames.Fault{Code: protocol.CloseInvalidData, Reason: "a text message is not UTF-8"}}

// CloseError is the peer's Close frame.
type CloseError struct {
	Code   protocol.CloseCode
	Reason string
}

func (e *CloseError) Error() string {
	if e.Reason == "" {
		return fmt.Sprintf("the server closed the connection with code %d", e.Code)
	}
	return fmt.Sprintf("the server closed the connection with code %d: %q", e.Code, e.Reason)
}

// Handler receives what the peer sends. Its methods are called by the goroutine of
// Read, and do not keep payload.
type Handler interface {
	// Pong takes the payload of a Pong.
	Pong(payload []byte)
	// Message takes a data message of at most MaxReadBytes.
	Message(payload []byte)
	// Heard is called for every frame or message that came in, before Pong or
	// Message.
	Heard()
}

// Conn is an open connection. Make one with Dial.
type Conn struct {
	ws      *websocket.Conn
	wire    *wire
	options Options
	secrets []string // to be hidden in texts of the peer

	buffer []byte  // frames to be written by Flush
	shared *buffer // the owner of buffer, if it is borrowed from bufferPool, else nil
	own    []byte  // the connection's own buffer, while another one is borrowed

	compressed bool // the server agreed to it

	// Bytes of the data messages since the last Flush, for Traffic: before
	// compression, and as they go out.
	before, after int

	pongMutex   sync.Mutex
	pongPayload []byte // of the newest Ping without an answer
	pongWaits   bool
	pongStarts  bool  // a goroutine of pongs is about to look for it
	pongFailed  error // why one could not be written
	pongs       sync.WaitGroup
}

// Subprotocol returns the subprotocol that the server picked, empty if none.
func (c *Conn) Subprotocol() string { return c.ws.Subprotocol() }

// RemoteAddr returns the address of the peer, or of the proxy before it.
func (c *Conn) RemoteAddr() net.Addr { return c.wire.RemoteAddr() }

// AppendMessage appends one data message. appendTo appends its payload to the slice it
// is given, at most size bytes: a framing that compresses does not know the exact
// length in advance. The message is written to the socket with the next Flush, or
// earlier if the buffer is full. A message longer than MaxFrameBytes after compression
// is cut into fragments (RFC 6455 5.4).
func (c *Conn) AppendMessage(binaryFrame bool, size int, appendTo func(dst []byte) []byte) error {
	opcode := opText
	if binaryFrame {
		opcode = opBinary
	}
	if c.compressed && size >= c.options.CompressionThreshold {
		return c.appendCompressed(opcode, size, appendTo)
	}
	if limit := c.options.MaxFrameBytes; limit > 0 && size > limit {
		whole := takeBuffer()
		defer whole.giveBack()
		whole.bytes = appendTo(slices.Grow(whole.bytes, size))
		c.before += len(whole.bytes)
		c.after += len(whole.bytes)
		return c.appendPayload(opcode, whole.bytes)
	}
	c.makeRoom(maxHeaderBytes + size)
	var payloadBytes int
	c.buffer, payloadBytes = appendFrameOf(c.buffer, opcode, size, appendTo)
	c.before += payloadBytes
	c.after += payloadBytes
	return c.flushIfLong()
}

// makeRoom grows the write buffer for so many more bytes.
func (c *Conn) makeRoom(bytes int) {
	need := len(c.buffer) + bytes
	if c.shared != nil || need <= keepBytes {
		c.buffer = slices.Grow(c.buffer, bytes)
		return
	}
	c.own, c.shared = c.buffer[:0], takeBuffer()
	c.buffer = append(slices.Grow(c.shared.bytes, need), c.buffer...)
}

// emptyBuffer empties the write buffer, and gives back a borrowed one.
func (c *Conn) emptyBuffer() {
	if c.shared != nil {
		c.shared.bytes = c.buffer
		c.shared.giveBack()
		c.buffer, c.own, c.shared = c.own, nil, nil
	}
	c.buffer = c.buffer[:0]
}

// appendPayload appends a message in as many frames as necessary. The opcode and the
// bit of compression are in the first frame only.
func (c *Conn) appendPayload(opcode byte, payload []byte) error {
	for limit := c.options.MaxFrameBytes; limit > 0 && len(payload) > limit; {
		c.makeRoom(maxHeaderBytes + limit)
		c.buffer = appendFrame(c.buffer, false, opcode, payload[:limit])
		if err := c.flushIfLong(); err != nil {
			return err
		}
		payload, opcode = payload[limit:], opContinuation
	}
	c.makeRoom(maxHeaderBytes + len(payload))
	c.buffer = appendFrame(c.buffer, true, opcode, payload)
	return c.flushIfLong()
}

// AppendPing appends a Ping with that payload, of at most 125 bytes.
func (c *Conn) AppendPing(payload []byte) {
	c.buffer = appendFrame(c.buffer, true, opPing, payload)
}

// Flush writes what was appended to the socket. It fails if that takes longer than
// WriteTimeout; then the connection cannot be used any more.
func (c *Conn) Flush() error {
	if len(c.buffer) == 0 {
		return nil
	}
	c.wire.writeMutex.Lock()
	err := c.wire.writeLocked(c.buffer, c.options.WriteTimeout)
	if err == nil {
		err = c.answerPingLocked()
	}
	c.wire.writeMutex.Unlock()

	if err == nil {
		c.options.Traffic.MessageBytes(c.before, c.after)
	}
	c.before, c.after = 0, 0
	c.emptyBuffer()
	if err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return c.answerPing()
}

func (c *Conn) flushIfLong() error {
	if len(c.buffer) < flushBytes {
		return nil
	}
	return c.Flush()
}

// answerPing sends the Pong that is due, unless a write is under way: then the writer
// sends it. No Pong can be left behind, because both sides look again after unlocking
// the mutex. The reader notes the Ping, finds the mutex locked and leaves. The writer
// may have looked before the reader made its note, so it looks once more afterwards.
func (c *Conn) answerPing() error {
	for c.pongDue() && c.wire.writeMutex.TryLock() {
		err := c.answerPingLocked()
		c.wire.writeMutex.Unlock()
		if err != nil {
			return fmt.Errorf("write pong: %w", err)
		}
	}
	return nil
}

// writePong answers a Ping for the reader, which must not wait for a peer that does not
// read. At most one of its goroutines writes: the others find the socket in use.
func (c *Conn) writePong() {
	c.pongMutex.Lock()
	c.pongStarts = false
	c.pongMutex.Unlock()
	if err := c.answerPing(); err != nil {
		c.pongMutex.Lock()
		c.pongFailed = err
		c.pongMutex.Unlock()
		c.Cut()
	}
}

func (c *Conn) pongDue() bool {
	c.pongMutex.Lock()
	defer c.pongMutex.Unlock()
	return c.pongWaits
}

// answerPingLocked writes the Pong for the newest Ping. It is also the answer to the
// Pings before it (RFC 6455 5.5.3), so a flood of Pings takes no memory.
func (c *Conn) answerPingLocked() error {
	c.pongMutex.Lock()
	if !c.pongWaits || !c.wire.writableLocked() {
		c.pongWaits = false
		c.pongMutex.Unlock()
		return nil
	}
	frame := appendFrame(make([]byte, 0, maxHeaderBytes+maxControlBytes), true, opPong, c.pongPayload)
	c.pongWaits = false
	c.pongMutex.Unlock()
	return c.wire.writeLocked(frame, c.options.WriteTimeout)
}

// Read hands everything that comes in to handler until the connection ends, and
// returns the cause: a *CloseError, ErrTooBig, or the error of the socket.
func (c *Conn) Read(handler Handler) error {
	c.ws.SetPingHandler(func(payload string) error {
		handler.Heard()
		c.pongMutex.Lock()
		c.pongPayload = append(c.pongPayload[:0], payload...)
		c.pongWaits = true
		start := !c.pongStarts
		c.pongStarts = true
		c.pongMutex.Unlock()
		if start {
			c.pongs.Go(c.writePong)
		}
		return nil
	})
	c.ws.SetPongHandler(func(payload string) error {
		handler.Heard()
		handler.Pong([]byte(payload))
		return nil
	})
	c.ws.SetCloseHandler(func(int, string) error {
		return nil // ended answers, without disturbing a writer
	})

	var message bytes.Buffer
	for {
		kind, reader, err := c.ws.NextReader()
		if err == nil {
			handler.Heard()
			err = c.readMessage(&message, reader)
		}
		// The library leaves this to the application (RFC 6455 8.1).
		if err == nil && kind == websocket.TextMessage && !utf8.Valid(message.Bytes()) {
			err = errNotUTF8
		}
		if err != nil {
			err = c.ended(err)
			c.Cut() // ends a Pong that is being written
			c.pongs.Wait()
			return err
		}
		handler.Message(message.Bytes())
		if message.Cap() > keepBytes {
			message = bytes.Buffer{}
		}
	}
}

// readMessage reads one message into the buffer. MaxReadBytes limits its length after
// inflating; the library's own limit is about the length before.
func (c *Conn) readMessage(message *bytes.Buffer, reader io.Reader) error {
	message.Reset()
	read, err := message.ReadFrom(io.LimitReader(reader, c.options.MaxReadBytes+1))
	if err == nil && read > c.options.MaxReadBytes {
		c.sendClose(protocol.CloseTooBig, "")
		return ErrTooBig
	}
	return err
}

// ended translates an error of the library, and answers a Close frame.
func (c *Conn) ended(err error) error {
	c.pongMutex.Lock()
	failed := c.pongFailed
	c.pongMutex.Unlock()
	if failed != nil {
		return failed
	}
	if violated, ok := errors.AsType[*ViolationError](err); ok {
		c.sendClose(violated.Fault.Code, violated.Fault.Reason)
		return violated
	}
	if frames.IsCorrupt(err) {
		c.sendClose(protocol.CloseInvalidData, "")
		return fmt.Errorf("the server sent a compressed message that is corrupt: %w", err)
	}
	if closed, ok := errors.AsType[*websocket.CloseError](err); ok {
		if closed.Code == websocket.CloseAbnormalClosure {
			// No Close frame: the library reports a FIN as code 1006.
			return fmt.Errorf("the server ended the connection: %w", io.ErrUnexpectedEOF)
		}
		code := protocol.CloseCode(closed.Code)
		c.sendClose(code, "")
		return &CloseError{Code: code, Reason: closed.Text}
	}
	// The library treats codes that it does not know, such as 1014 (bad gateway), as
	// a violation of the protocol. There was a Close frame all the same.
	var code protocol.CloseCode
	if _, scanErr := fmt.Sscanf(err.Error(), "websocket: bad close code %d", &code); scanErr == nil {
		return &CloseError{Code: code}
	}
	return fmt.Errorf("read: %w", err)
}

// sendClose sends a Close frame from the reading goroutine. A write that is under way has
// closeFrameTimeout to end; if it does not, the peer sees the end of the connection.
func (c *Conn) sendClose(code protocol.CloseCode, reason string) {
	c.wire.hurry()
	c.wire.writeMutex.Lock()
	defer c.wire.writeMutex.Unlock()
	c.sendCloseLocked(code, reason, farewellWriteTimeout)
}

func (c *Conn) sendCloseLocked(code protocol.CloseCode, reason string, timeout time.Duration) {
	var payload []byte
	if code != protocol.CloseNone {
		payload = append(binary.BigEndian.AppendUint16(nil, uint16(code)), reason...)
	}
	// An error changes nothing: the connection ends anyway.
	_ = c.wire.writeLastLocked(appendFrame(nil, true, opClose, payload), timeout)
}

// Close starts the closing handshake (RFC 6455 7.1.2). Nothing is written after it. A
// write that is under way has closeFrameTimeout to end. Read returns with the peer's
// Close frame; the caller limits that wait, and calls Cut in any case. A reason has at
// most 123 bytes.
func (c *Conn) Close(code protocol.CloseCode, reason string) {
	c.wire.hurry()
	c.wire.writeMutex.Lock()
	defer c.wire.writeMutex.Unlock()
	c.sendCloseLocked(code, reason, closeFrameTimeout)
}

// Cut closes the socket at once. It may be called more than once.
func (c *Conn) Cut() {
	// The error is that it was closed before, or nothing can be done about it.
	_ = c.wire.Close()
}

// interrupted reports whether err is a timeout.
func interrupted(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}
