// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
)

// watchedConn calls beforeRead when the reader of a connection has used up its buffer
// and is about to read from the kernel: then confirmations are due. gorilla does not
// tell how full its buffer is.
type watchedConn struct {
	net.Conn
	beforeRead func() error // set before the reader starts, as is afterRead; nil during the upgrade
	// afterRead is given what was read. With an error it returns how much of it the
	// reader gets before it gets the error.
	afterRead func([]byte) (int, error)
	failed    error // of afterRead
}

func (c *watchedConn) Read(p []byte) (int, error) {
	if c.failed != nil {
		return 0, c.failed
	}
	if c.beforeRead == nil {
		return c.Conn.Read(p)
	}
	if err := c.beforeRead(); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(p)
	if errors.Is(err, io.ErrUnexpectedEOF) { // of TLS without a farewell; a message has its own
		err = io.EOF
	}
	if n, c.failed = c.afterRead(p[:n]); c.failed != nil && n == 0 {
		return 0, c.failed
	}
	return n, err
}

// watchedWriter hands gorilla a watchedConn when it takes the connection over
// from net/http.
type watchedWriter struct {
	http.ResponseWriter
	conn *watchedConn // set by Hijack
}

func (w *watchedWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	inner, buffers, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	w.conn = &watchedConn{Conn: inner}
	return w.conn, buffers, nil
}

var _ http.Hijacker = (*watchedWriter)(nil)
