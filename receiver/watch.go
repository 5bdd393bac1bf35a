// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"bufio"
	"net"
	"net/http"
)

// watchedConn calls beforeRead when the reader of a connection has used up its buffer
// and is about to read from the kernel: then confirmations are due. gorilla does not
// tell how full its buffer is.
type watchedConn struct {
	net.Conn
	beforeRead func() error // set before the reader starts; nil during the upgrade
}

func (c *watchedConn) Read(p []byte) (int, error) {
	if c.beforeRead != nil {
		if err := c.beforeRead(); err != nil {
			return 0, err
		}
	}
	return c.Conn.Read(p)
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
