// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/protocol"
)

// countedWrites counts the Write calls on a socket.
type countedWrites struct {
	net.Conn
	calls, bytes atomic.Int64
}

func (c *countedWrites) Write(p []byte) (int, error) {
	c.calls.Add(1)
	c.bytes.Add(int64(len(p)))
	return c.Conn.Write(p)
}

func TestManyMessagesLeaveInFewWrites(t *testing.T) {
	for _, messageBytes := range []int{1, 100, 700, 5000} {
		t.Run(fmt.Sprintf("1600 messages of %d bytes and a Ping", messageBytes), func(t *testing.T) {
			client, server := tcpPair(t)
			counted := &countedWrites{Conn: client}
			options, counts := testOptions(), &traffic{}
			options.Traffic = counts
			c, p := openConn(t, options, counted, server)
			counted.calls.Store(0)
			counted.bytes.Store(0)

			done := make(chan error, 1)
			go func() {
				for range 1600 {
					size, appendTo := appending(strings.Repeat("x", messageBytes))
					if err := c.AppendMessage(false, size, appendTo); err != nil {
						done <- err
						return
					}
				}
				c.AppendPing([]byte("1"))
				done <- c.Flush()
			}()
			for range 1600 {
				require.Equal(t, opText, p.next().opcode)
			}
			require.Equal(t, wireFrame{true, opPing, []byte("1")}, p.next())
			require.NoError(t, take(t, done))
			require.LessOrEqual(t, counted.calls.Load(), counted.bytes.Load()/flushBytes+2)
			require.NoError(t, c.Flush(), "nothing is left")
			require.EqualValues(t, 1600*messageBytes, counts.before.Load())
			require.EqualValues(t, 1600*messageBytes, counts.after.Load())
		})
	}
}

func TestALongMessageGoesOutInFragments(t *testing.T) {
	for name, c := range map[string]struct {
		bytes     int
		fragments []int
	}{
		"at the limit it is one frame":             {1000, []int{1000}},
		"one byte more makes a second frame":       {1001, []int{1000, 1}},
		"a multiple of the limit has no empty end": {3000, []int{1000, 1000, 1000}},
		"an empty message is one frame":            {0, []int{0}},
	} {
		t.Run(name, func(t *testing.T) {
			options := testOptions()
			options.MaxFrameBytes = 1000
			conn, p := openConn(t, options)
			message := strings.Repeat("0123456789", 300)[:c.bytes]
			size, appendTo := appending(message)
			require.NoError(t, conn.AppendMessage(false, size, appendTo))
			done := make(chan error, 1)
			go func() { done <- conn.Flush() }()
			var got []byte
			for i, fragment := range c.fragments {
				f := p.next()
				require.Len(t, f.payload, fragment)
				require.Equal(t, i == len(c.fragments)-1, f.fin)
				if i == 0 {
					require.Equal(t, opText, f.opcode)
				} else {
					require.Equal(t, opContinuation, f.opcode)
				}
				got = append(got, f.payload...)
			}
			require.Equal(t, message, string(got))
			require.NoError(t, take(t, done))
		})
	}
}

func TestAPongGoesOutBetweenFragments(t *testing.T) {
	options := testOptions()
	options.MaxFrameBytes = 16 << 10
	c, p := openConn(t, options)
	in := reading(t, c)
	message := bytes.Repeat([]byte("x"), 1<<20)
	done := make(chan error, 1)
	go func() {
		err := c.AppendMessage(true, len(message), func(dst []byte) []byte { return append(dst, message...) })
		if err == nil {
			err = c.Flush()
		}
		done <- err
	}()
	require.Equal(t, opBinary, p.next().opcode, "the message has begun")
	p.send(serverFrame(opPing, "between"))
	take(t, in.heard)
	total, pongs := 16<<10, 0
	for {
		f := p.next()
		if f.opcode == opPong {
			require.Equal(t, "between", string(f.payload))
			pongs++
			continue
		}
		require.Equal(t, opContinuation, f.opcode)
		if total += len(f.payload); f.fin {
			break
		}
	}
	require.Equal(t, len(message), total)
	require.Equal(t, 1, pongs)
	require.NoError(t, take(t, done))
}

func TestOneLongMessageDoesNotHoldItsMemory(t *testing.T) {
	for name, maxFrameBytes := range map[string]int{"whole": 0, "in fragments": 1024, "in long fragments": keepBytes + 1} {
		t.Run(name, func(t *testing.T) {
			options := testOptions()
			options.MaxFrameBytes = maxFrameBytes
			c, p := openConn(t, options)
			go func() {
				for {
					if _, err := p.frame(); err != nil {
						return
					}
				}
			}()
			message := bytes.Repeat([]byte("x"), 4*keepBytes)
			require.NoError(t, c.AppendMessage(false, len(message), func(dst []byte) []byte { return append(dst, message...) }))
			require.NoError(t, c.Flush())
			require.LessOrEqual(t, cap(c.buffer), keepBytes)
			require.Nil(t, c.shared, "it serves other connections")
		})
	}
}

func TestOnlyTheNewestPingIsAnsweredWhileAWriteIsBlocked(t *testing.T) {
	c, p := openConn(t, testOptions())
	in := reading(t, c)
	message := strings.Repeat("x", flushBytes)
	done := make(chan error, 1)
	go func() {
		size, appendTo := appending(message)
		done <- c.AppendMessage(false, size, appendTo) // long enough to be written at once
	}()
	// One byte of it says that the write is under way.
	require.NoError(t, p.SetReadDeadline(time.Now().Add(patience)))
	_, err := p.in.Peek(1)
	require.NoError(t, err)
	for i := range 5 {
		p.send(serverFrame(opPing, fmt.Sprint(i)))
		take(t, in.heard)
	}
	p.send(serverFrame(opText, "all Pings were handled"))
	take(t, in.heard)

	require.Equal(t, message, string(p.next().payload))
	require.Equal(t, wireFrame{true, opPong, []byte("4")}, p.next())
	require.NoError(t, take(t, done))

	p.send(serverFrame(opPing, "later"))
	require.Equal(t, wireFrame{true, opPong, []byte("later")}, p.next(), "without any writer")
	c.Cut()
	p.nothing()
	require.ErrorContains(t, take(t, in.ended), "closed pipe")
}

// blockedPong returns a connection whose Flush has written its message and waits
// in the Pong behind it, of which the peer has read one byte.
func blockedPong(t *testing.T) (c *Conn, p *peer, in *inbox, flushed chan error) {
	t.Helper()
	c, p = openConn(t, testOptions())
	in = reading(t, c)
	flushed = make(chan error, 1)
	const frameBytes = 2 + 4 + 7
	size, appendTo := appending("message")
	require.NoError(t, c.AppendMessage(false, size, appendTo))
	go func() { flushed <- c.Flush() }()
	begin := make([]byte, 1)
	_, err := p.Conn.Read(begin)
	require.NoError(t, err)
	p.send(serverFrame(opPing, "first"))
	p.send(serverFrame(opText, "the Ping was handled"))
	take(t, in.messages)
	_, err = io.ReadFull(p.Conn, make([]byte, frameBytes-1))
	require.NoError(t, err)
	_, err = p.Conn.Read(begin)
	require.NoError(t, err)
	p.in.Reset(io.MultiReader(bytes.NewReader(begin), p.Conn))
	return c, p, in, flushed
}

func TestAPingThatComesDuringAPongIsAnsweredToo(t *testing.T) {
	_, p, in, flushed := blockedPong(t)
	p.send(serverFrame(opPing, "second"))
	p.send(serverFrame(opText, "the Ping was handled"))
	take(t, in.messages)
	require.Equal(t, wireFrame{true, opPong, []byte("first")}, p.next())
	require.Equal(t, wireFrame{true, opPong, []byte("second")}, p.next())
	require.NoError(t, take(t, flushed))
}

func TestCloseHurriesEveryWriteThatIsStillToCome(t *testing.T) {
	// The Pong's write began before Close, the answer to the second Ping comes
	// after it.
	c, p, in, flushed := blockedPong(t)
	p.send(serverFrame(opPing, "second"))
	p.send(serverFrame(opText, "the Ping was handled"))
	take(t, in.messages)
	closed := make(chan struct{})
	begun := time.Now()
	go func() {
		c.Close(protocol.CloseNormal, "")
		close(closed)
	}()
	for !c.wire.closing.Load() {
		runtime.Gosched()
	}
	require.Equal(t, "first", string(p.next().payload))
	take(t, closed)
	_ = take(t, flushed) // an error, unless the Close frame was written before the second answer
	require.Less(t, time.Since(begun), patience/2)
}

func TestTheReaderDoesNotWaitForAPong(t *testing.T) {
	options := testOptions()
	options.WriteTimeout = time.Second
	c, p := openConn(t, options)
	in := reading(t, c)
	p.send(serverFrame(opPing, "not read before the message is handled"))
	p.send(serverFrame(opText, "message"))
	require.Equal(t, "message", take(t, in.messages))
	require.Equal(t, opPong, p.next().opcode)

	// A Pong that can't be written at all is the end.
	p.send(serverFrame(opPing, "never read"))
	require.ErrorContains(t, take(t, in.ended), "write pong")
}

func TestNoPingIsForgottenWhileWritesGoOn(t *testing.T) {
	options := testOptions()
	client, server := tcpPair(t)
	c, p := openConn(t, options, client, server)
	reading(t, c)
	stop, done := make(chan struct{}), make(chan error, 1)
	go func() {
		for {
			size, appendTo := appending("message")
			err := c.AppendMessage(false, size, appendTo)
			if err == nil {
				err = c.Flush()
			}
			select {
			case <-stop:
				done <- err
				return
			default:
			}
			if err != nil {
				done <- err
				return
			}
		}
	}()
	for i := range 2000 {
		want := fmt.Sprint(i)
		p.send(serverFrame(opPing, want))
		for {
			if f := p.next(); f.opcode == opPong {
				require.Equal(t, want, string(f.payload))
				break
			}
		}
	}
	close(stop)
	go func() {
		for {
			if _, err := p.frame(); err != nil {
				return
			}
		}
	}()
	require.NoError(t, take(t, done))
}

func TestAWriteToAPeerThatDoesNotReadTimesOut(t *testing.T) {
	options := testOptions()
	options.WriteTimeout = 20 * time.Millisecond
	c, p := openConn(t, options)
	in := reading(t, c)
	size, appendTo := appending("never read as a whole")
	require.NoError(t, c.AppendMessage(false, size, appendTo))
	flushed := make(chan error, 1)
	go func() { flushed <- c.Flush() }()
	_, err := p.Conn.Read(make([]byte, 1)) // the rest is for nobody
	require.NoError(t, err)

	err = take(t, flushed)
	var timeout net.Error
	require.ErrorAs(t, err, &timeout)
	require.True(t, timeout.Timeout())

	t.Run("and nothing follows the half frame", func(t *testing.T) {
		p.send(serverFrame(opPing, "a Pong would become part of the message"))
		take(t, in.heard)
		p.send(serverFrame(opText, "the Ping was handled"))
		take(t, in.heard)
		c.AppendPing(nil)
		require.Error(t, c.Flush())
		c.Close(protocol.CloseNormal, "")
		c.Cut()
		rest := make([]byte, 100)
		n, err := p.Read(rest)
		require.Zero(t, n, "%q", rest[:n])
		require.Error(t, err)
	})
}

func TestTrafficIsCounted(t *testing.T) {
	options := testOptions()
	counted := &traffic{}
	options.Traffic = counted
	client, server := tcpPair(t)
	raw := &countedWrites{Conn: client}
	c, p := openConn(t, options, raw, server)
	in := reading(t, c)
	size, appendTo := appending("message")
	require.NoError(t, c.AppendMessage(false, size, appendTo))
	require.NoError(t, c.Flush())
	p.next()
	read := counted.read.Load()
	require.Positive(t, read, "the answer to the upgrade")
	p.send(serverFrame(opPing, "12345"))
	take(t, in.heard)
	p.next()
	require.Equal(t, read+7, counted.read.Load())
	require.Equal(t, raw.bytes.Load(), counted.written.Load())
}
