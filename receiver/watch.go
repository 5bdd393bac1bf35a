// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"

	"filebeat-websocket/receiver/budget"
)

// readBufferBytes is the size of the read buffer that every connection has.
const readBufferBytes = 4 << 10

// watchedConn calls beforeRead when the reader of a connection has used up its buffer
// and is about to read from the kernel: then confirmations are due. gorilla does not
// tell how full its buffer is.
//
// While a client sends faster than it is read, as with hundreds of small frames in one
// segment, watchedConn reads ahead into a large buffer, if the budget has one. An idle
// connection has none.
type watchedConn struct {
	net.Conn
	memory     *budget.Budget
	beforeRead func() error // set before the reader starts, as is afterRead; nil during the upgrade
	// afterRead is given what was read. With an error it returns how much of it the
	// reader gets before it gets the error.
	afterRead func([]byte) (int, error)
	failed    error // of afterRead

	full  bool   // the last read filled its buffer: there is more to read, as a rule
	ahead []byte // what was read ahead, and is not used yet
	large []byte // the buffer of ahead; nil if there is none
}

func (c *watchedConn) Read(p []byte) (int, error) {
	if len(c.ahead) == 0 {
		if c.failed != nil {
			return 0, c.failed
		}
		if c.beforeRead == nil {
			return c.Conn.Read(p)
		}
		if err := c.beforeRead(); err != nil {
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

func (c *watchedConn) readKernel(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if errors.Is(err, io.ErrUnexpectedEOF) { // of TLS without a farewell; a message has its own
		err = io.EOF
	}
	c.full = n == len(p)
	if n, c.failed = c.afterRead(p[:n]); c.failed != nil && n == 0 {
		return 0, c.failed
	}
	return n, err
}

// readAhead reports whether the next read is into c.large, for which it takes or gives
// back the buffer.
func (c *watchedConn) readAhead(wanted int) bool {
	if !c.full || wanted >= budget.AheadBytes {
		c.free()
		return false
	}
	if c.large == nil {
		c.large = c.memory.TakeAhead()
	}
	return c.large != nil
}

// free gives the buffer back. Nothing is read after it with bytes ahead.
func (c *watchedConn) free() {
	if c.large != nil {
		c.memory.GiveAhead(c.large)
		c.large, c.ahead = nil, nil
	}
}

// watchedWriter hands gorilla a watchedConn when it takes the connection over
// from net/http.
type watchedWriter struct {
	http.ResponseWriter
	memory *budget.Budget
	conn   *watchedConn // set by Hijack
}

func (w *watchedWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	inner, buffers, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	w.conn = &watchedConn{Conn: inner, memory: w.memory}
	return w.conn, buffers, nil
}

var _ http.Hijacker = (*watchedWriter)(nil)
