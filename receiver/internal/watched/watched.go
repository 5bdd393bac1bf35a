// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package watched is a connection that tells its reader before each read from the kernel,
// and shows it what was read. The receiver puts it under the WebSocket library, when that
// takes a connection over from net/http.
package watched

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"

	"filebeat-websocket/receiver/budget"
)

// Conn calls BeforeRead when the reader of a connection has used up its buffer
// and is about to read from the kernel: then confirmations are due. gorilla does not
// tell how full its buffer is.
//
// While a client sends faster than it is read, as with hundreds of small frames in one
// segment, Conn reads ahead into a large buffer, if the budget has one. An idle
// connection has none.
type Conn struct {
	net.Conn
	Memory     *budget.Budget
	BeforeRead func() error // set before the reader starts, as is AfterRead; nil during the upgrade
	// AfterRead is given what was read. With an error it returns how much of it the
	// reader gets before it gets the error.
	AfterRead func([]byte) (int, error)
	failed    error // of AfterRead

	full  bool   // the last read filled its buffer: there is more to read, as a rule
	ahead []byte // what was read ahead, and is not used yet
	large []byte // the buffer of ahead; nil if there is none
}

// Read implements io.Reader.
func (c *Conn) Read(p []byte) (int, error) {
	if len(c.ahead) == 0 {
		if c.failed != nil {
			return 0, c.failed
		}
		if c.BeforeRead == nil {
			return c.Conn.Read(p)
		}
		if err := c.BeforeRead(); err != nil {
			return 0, err
		}
		if !c.readAhead(len(p)) {
			return c.readKernel(p)
		}
		n, err := c.readKernel(c.large)
		c.ahead = c.large[:n]
		if n == 0 {
			return 0, err
		}
		// An error comes again with the next read.
	}
	n := copy(p, c.ahead)
	c.ahead = c.ahead[n:]
	return n, nil
}

func (c *Conn) readKernel(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if errors.Is(err, io.ErrUnexpectedEOF) { // of TLS without a farewell; a message has its own
		err = io.EOF
	}
	c.full = n == len(p)
	if n, c.failed = c.AfterRead(p[:n]); c.failed != nil && n == 0 {
		return 0, c.failed
	}
	return n, err
}

// readAhead reports whether the next read is into c.large, for which it takes or gives
// back the buffer.
func (c *Conn) readAhead(wanted int) bool {
	if !c.full || wanted >= budget.AheadBytes {
		c.Free()
		return false
	}
	if c.large == nil {
		c.large = c.Memory.TakeAhead()
	}
	return c.large != nil
}

// Free gives the buffer back. Nothing is read after it with bytes ahead.
func (c *Conn) Free() {
	if c.large != nil {
		c.Memory.GiveAhead(c.large)
		c.large, c.ahead = nil, nil
	}
}

// Writer hands gorilla a Conn when it takes the connection over
// from net/http.
type Writer struct {
	http.ResponseWriter
	Memory *budget.Budget
	Conn   *Conn // set by Hijack
}

// Hijack implements http.Hijacker.
func (w *Writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	inner, buffers, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	w.Conn = &Conn{Conn: inner, Memory: w.Memory}
	return w.Conn, buffers, nil
}

var _ http.Hijacker = (*Writer)(nil)
