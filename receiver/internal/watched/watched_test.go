// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package watched

import (
	"bytes"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/receiver/budget"
)

// fastConn always has more to read until its end, and counts reads.
type fastConn struct {
	net.Conn
	rest  io.Reader
	reads int
}

func (c *fastConn) Read(p []byte) (int, error) {
	c.reads++
	return c.rest.Read(p)
}

func TestAConnectionReadsAheadWhileItsClientSendsFast(t *testing.T) {
	content := make([]byte, 1<<20+100)
	for i := range content {
		content[i] = byte(i % 251)
	}
	for name, test := range map[string]struct {
		memory int64
		most   int // reads
	}{
		"in large buffers":               {16 << 20, 20},
		"in small ones if there is none": {1 << 19, 300},
	} {
		t.Run(name, func(t *testing.T) {
			memory := budget.New(test.memory)
			inner := &fastConn{rest: bytes.NewReader(content)}
			c := &Conn{
				Conn: inner, Memory: memory,
				BeforeRead: func() error { return nil },
				AfterRead:  func(p []byte) (int, error) { return len(p), nil },
			}
			var got bytes.Buffer
			p := make([]byte, 4<<10) // as net/http's buffer
			for {
				n, err := c.Read(p)
				got.Write(p[:n])
				if err != nil {
					require.ErrorIs(t, err, io.EOF)
					break
				}
			}
			require.Equal(t, content, got.Bytes())
			require.LessOrEqual(t, inner.reads, test.most)
			require.Zero(t, memory.InUse(), "a read that does not fill the buffer gives it back")
			c.Free()
		})
	}
}
