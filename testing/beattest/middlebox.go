// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package beattest

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"net/textproto"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Middlebox is a gateway before a WebSocket server that has limits, as those of
// cloud providers do. It cuts a connection that exceeds one, without a Close frame.
type Middlebox struct {
	target   string
	settings MiddleboxSettings
	listener net.Listener
	done     sync.WaitGroup

	mutex  sync.Mutex
	counts MiddleboxCounts
	conns  map[net.Conn]struct{} // nil when it is closed
}

// MiddleboxSettings are the limits, 0 for none.
type MiddleboxSettings struct {
	// MaxFrameBytes and MaxMessageBytes are the longest payloads from the client.
	MaxFrameBytes, MaxMessageBytes int
	// MaxAge is how long a connection may last.
	MaxAge time.Duration
}

// MiddleboxCounts count what went through.
type MiddleboxCounts struct {
	Connections                  int
	Cuts                         int // connections that were cut
	LongestFrame, LongestMessage int // payload bytes
}

// StartMiddlebox starts one before target, a host and port. Cleanup ends it.
func StartMiddlebox(tb testing.TB, target string, settings MiddleboxSettings) *Middlebox {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // loopback, does not wait
	require.NoError(tb, err)
	m := &Middlebox{target: target, settings: settings, listener: listener, conns: map[net.Conn]struct{}{}}
	m.done.Go(m.acceptLoop)
	tb.Cleanup(m.close)
	return m
}

// URL returns its address for output.websocket.
func (m *Middlebox) URL() string { return "ws://" + m.listener.Addr().String() + "/" }

// Counts returns what went through so far.
func (m *Middlebox) Counts() MiddleboxCounts {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return m.counts
}

func (m *Middlebox) update(change func(*MiddleboxCounts)) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	change(&m.counts)
}

func (m *Middlebox) close() {
	// The error would be that it is closed.
	_ = m.listener.Close()
	m.mutex.Lock()
	for conn := range m.conns {
		_ = conn.Close()
	}
	m.conns = nil
	m.mutex.Unlock()
	m.done.Wait()
}

// keep has close close conn, or closes it if that was called before.
func (m *Middlebox) keep(conn net.Conn) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.conns == nil {
		_ = conn.Close()
		return
	}
	m.conns[conn] = struct{}{}
}

func (m *Middlebox) acceptLoop() {
	for {
		client, err := m.listener.Accept()
		if err != nil {
			return
		}
		m.keep(client)
		m.update(func(c *MiddleboxCounts) { c.Connections++ })
		m.done.Go(func() { m.serve(client) })
	}
}

func (m *Middlebox) serve(client net.Conn) {
	defer func() { _ = client.Close() }()
	server, err := net.Dial("tcp", m.target) //nolint:noctx // loopback, does not wait
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	m.keep(server)
	over := make(chan bool, 2) // whether a limit was exceeded
	m.done.Go(func() { over <- m.forwardFrames(server, client) })
	m.done.Go(func() {
		_, _ = io.Copy(client, server) // ends with either side
		over <- false
	})
	var tooOld <-chan time.Time
	if m.settings.MaxAge > 0 {
		timer := time.NewTimer(m.settings.MaxAge)
		defer timer.Stop()
		tooOld = timer.C
	}
	cut := true
	select {
	case cut = <-over:
	case <-tooOld:
	}
	if cut {
		m.update(func(c *MiddleboxCounts) { c.Cuts++ })
	}
}

// forwardFrames passes on the upgrade request and then frames (RFC 6455 5.2). It
// reports whether it ended because a frame exceeded a limit.
func (m *Middlebox) forwardFrames(server io.Writer, client io.Reader) bool {
	in := bufio.NewReader(client)
	out := bufio.NewWriter(server)
	header := textproto.NewReader(in)
	for line := "request"; line != ""; {
		var err error
		if line, err = header.ReadLine(); err != nil {
			return false
		}
		_, _ = out.WriteString(line + "\r\n") // Flush has the error
	}
	if out.Flush() != nil {
		return false
	}
	message := 0
	for {
		head := make([]byte, 2, 14)
		if _, err := io.ReadFull(in, head); err != nil {
			return false
		}
		length := uint64(head[1] & 0x7F)
		wide := map[uint64]int{126: 2, 127: 8}[length]
		head = head[:2+wide+4]
		if _, err := io.ReadFull(in, head[2:]); err != nil {
			return false
		}
		switch wide {
		case 2:
			length = uint64(binary.BigEndian.Uint16(head[2:]))
		case 8:
			length = binary.BigEndian.Uint64(head[2:])
		}
		frame := int(length)
		if opcode := head[0] & 0xF; opcode < 8 { // not a control frame
			if opcode != 0 {
				message = 0
			}
			message += frame
		}
		m.update(func(c *MiddleboxCounts) {
			c.LongestFrame, c.LongestMessage = max(c.LongestFrame, frame), max(c.LongestMessage, message)
		})
		if limit := m.settings.MaxFrameBytes; limit > 0 && frame > limit {
			return true
		}
		if limit := m.settings.MaxMessageBytes; limit > 0 && message > limit {
			return true
		}
		_, _ = out.Write(head)
		if _, err := io.CopyN(out, in, int64(frame)); err != nil {
			return false
		}
		if in.Buffered() == 0 && out.Flush() != nil {
			return false
		}
	}
}
