// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"encoding/binary"
	"io"
	"net"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/protocol"
)

func TestReadReturnsThePeersCloseFrame(t *testing.T) {
	for name, c := range map[string]struct {
		payload string
		want    CloseError
		answer  string // what is sent back
	}{
		"1000":              {closePayload(1000, ""), CloseError{1000, ""}, closePayload(1000, "")},
		"1001 with reason":  {closePayload(1001, "bye"), CloseError{1001, "bye"}, closePayload(1001, "")},
		"without a code":    {"", CloseError{1005, ""}, ""},
		"1008":              {closePayload(1008, "token expired"), CloseError{1008, "token expired"}, closePayload(1008, "")},
		"1009":              {closePayload(1009, ""), CloseError{1009, ""}, closePayload(1009, "")},
		"1011":              {closePayload(1011, "oops"), CloseError{1011, "oops"}, closePayload(1011, "")},
		"1012":              {closePayload(1012, ""), CloseError{1012, ""}, closePayload(1012, "")},
		"1013":              {closePayload(1013, "later"), CloseError{1013, "later"}, closePayload(1013, "")},
		"3000":              {closePayload(3000, ""), CloseError{3000, ""}, closePayload(3000, "")},
		"4999":              {closePayload(4999, "own"), CloseError{4999, "own"}, closePayload(4999, "")},
		"1014, unknown yet": {closePayload(1014, "bad gateway"), CloseError{1014, ""}, closePayload(1002, "bad close code 1014")},
		"999, not allowed":  {closePayload(999, ""), CloseError{999, ""}, closePayload(1002, "bad close code 999")},
		"1005 on the wire":  {closePayload(1005, ""), CloseError{1005, ""}, closePayload(1002, "bad close code 1005")},
		"1006 on the wire":  {closePayload(1006, ""), CloseError{1006, ""}, closePayload(1002, "bad close code 1006")},
		"65535":             {closePayload(65535, ""), CloseError{65535, ""}, closePayload(1002, "bad close code 65535")},
	} {
		t.Run(name, func(t *testing.T) {
			client, server := tcpPair(t)
			conn, p := openConn(t, testOptions(), client, server)
			in := reading(t, conn)
			p.send(serverFrame(opClose, c.payload))
			err := take(t, in.ended)
			var closed *CloseError
			require.ErrorAs(t, err, &closed)
			require.Equal(t, c.want, *closed)
			require.Equal(t, wireFrame{true, opClose, []byte(c.answer)}, p.next())

			conn.AppendPing(nil)
			require.ErrorIs(t, conn.Flush(), errCloseSent, "no frame may follow a Close frame")
			conn.Close(protocol.CloseNormal, "")
			conn.Cut()
			p.nothing()
		})
	}
}

func TestReadReturnsWhyTheConnectionEnded(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(t *testing.T, conn *Conn, p *peer)
		is   error
		says string
	}{
		"FIN": {
			end: func(t *testing.T, _ *Conn, p *peer) { require.NoError(t, p.Close()) },
			is:  io.ErrUnexpectedEOF, says: "the server ended the connection",
		},
		"FIN inside of a frame": {
			end: func(t *testing.T, _ *Conn, p *peer) {
				p.send(serverFrame(opText, "half a frame")[:5])
				require.NoError(t, p.Close())
			},
			is: io.ErrUnexpectedEOF, says: "the server ended the connection",
		},
		"FIN inside of a message": {
			end: func(t *testing.T, _ *Conn, p *peer) {
				p.send([]byte{opText, 1, 'x'}) // without FIN bit
				require.NoError(t, p.Close())
			},
			is: io.ErrUnexpectedEOF, says: "the server ended the connection",
		},
		"RST": {
			end: func(t *testing.T, _ *Conn, p *peer) {
				tcp, ok := p.Conn.(*net.TCPConn)
				require.True(t, ok)
				require.NoError(t, tcp.SetLinger(0))
				require.NoError(t, tcp.Close())
			},
			is: syscall.ECONNRESET, says: "connection reset by peer",
		},
		"Cut": {
			end: func(_ *testing.T, conn *Conn, _ *peer) { conn.Cut() },
			is:  net.ErrClosed, says: "closed",
		},
	} {
		t.Run(name, func(t *testing.T) {
			client, server := tcpPair(t)
			conn, p := openConn(t, testOptions(), client, server)
			in := reading(t, conn)
			c.end(t, conn, p)
			err := take(t, in.ended)
			require.ErrorIs(t, err, c.is)
			require.ErrorContains(t, err, c.says)
		})
	}
}

func TestGarbageEndsTheConnectionWith1002(t *testing.T) {
	for name, garbage := range map[string][]byte{
		"another protocol":          []byte("220 mail.example.com ESMTP\r\n"),
		"a reserved bit":            {0xC0 | opText, 0},
		"an unknown opcode":         {0x83, 0},
		"a masked frame":            {0x80 | opText, 0x80, 0, 0, 0, 0},
		"a fragmented Ping":         {opPing, 0},
		"a long Ping":               {0x80 | opPing, 126, 0, 126},
		"a continuation of nothing": {0x80, 0},
		"a message inside another":  {opText, 0, 0x80 | opText, 0},
	} {
		t.Run(name, func(t *testing.T) {
			client, server := tcpPair(t)
			conn, p := openConn(t, testOptions(), client, server)
			in := reading(t, conn)
			p.send(garbage)
			err := take(t, in.ended)
			require.Regexp(t, `^(read: websocket: |the server broke the protocol: )`, err.Error())
			require.Less(t, len(err.Error()), 400)
			f := p.next()
			require.Equal(t, opClose, f.opcode)
			require.EqualValues(t, protocol.CloseProtocolError, binary.BigEndian.Uint16(f.payload))

			conn.AppendPing(nil)
			require.ErrorIs(t, conn.Flush(), errCloseSent, "no frame may follow the library's Close frame either")
		})
	}
}

func TestALengthBeyondAllNumbersEndsTheConnection(t *testing.T) {
	conn, p := openConn(t, testOptions())
	in := reading(t, conn)
	p.send(append([]byte{0x80 | opText, 127}, "\xff\xff\xff\xff\xff\xff\xff\xff"...))
	require.Error(t, take(t, in.ended))
}

func TestTooLongAMessageEndsTheConnectionWith1009(t *testing.T) {
	const limit = 1000
	frame := func(fin bool, opcode byte, payloadBytes int) []byte {
		f := serverFrame(opcode, strings.Repeat("x", payloadBytes))
		if !fin {
			f[0] &^= 0x80
		}
		return f
	}
	for name, c := range map[string]struct {
		frames [][]byte
		ends   bool
	}{
		"as long as allowed":              {[][]byte{frame(true, opText, limit)}, false},
		"as long as allowed in fragments": {[][]byte{frame(false, opText, limit-1), frame(true, 0, 1)}, false},
		"one byte more":                   {[][]byte{frame(true, opText, limit+1)}, true},
		"one byte more in fragments":      {[][]byte{frame(false, opText, limit), frame(true, 0, 1)}, true},
		"announced only":                  {[][]byte{frame(true, opBinary, 1<<20)[:limit+100]}, true},
	} {
		t.Run(name, func(t *testing.T) {
			client, server := tcpPair(t)
			options := testOptions()
			options.MaxReadBytes = limit
			conn, p := openConn(t, options, client, server)
			in := reading(t, conn)
			for _, f := range c.frames {
				p.send(f)
			}
			if !c.ends {
				p.send(serverFrame(opPing, "it goes on"))
				require.Equal(t, wireFrame{true, opPong, []byte("it goes on")}, p.next())
				return
			}
			require.ErrorIs(t, take(t, in.ended), ErrTooBig)
			require.Equal(t, wireFrame{true, opClose, []byte(closePayload(protocol.CloseTooBig, ""))}, p.next())
		})
	}
}

func TestTheHandlerHearsOfEverything(t *testing.T) {
	conn, p := openConn(t, testOptions())
	in := reading(t, conn)
	for _, payload := range []string{"", "12345678", strings.Repeat("x", 125)} {
		p.send(serverFrame(opPong, payload))
		take(t, in.heard)
		require.Equal(t, payload, take(t, in.pongs))
	}
	for _, message := range []string{"", "short", strings.Repeat("long ", 100_000), "short again"} {
		p.send(serverFrame(opText, message))
		take(t, in.heard)
		require.Equal(t, message, take(t, in.messages))
	}
	p.send(append([]byte{opText, 2, 'i', 'n'}, serverFrame(opPing, "between")...))
	require.Equal(t, wireFrame{true, opPong, []byte("between")}, p.next())
	p.send([]byte{0x80, 7, ' ', 'p', 'i', 'e', 'c', 'e', 's'})
	require.Equal(t, "in pieces", take(t, in.messages))
	p.send(serverFrame(opPing, ""))
	take(t, in.heard)
	require.Equal(t, wireFrame{true, opPong, []byte{}}, p.next())
}

func TestCloseIsTheFirstHalfOfTheHandshake(t *testing.T) {
	conn, p := openConn(t, testOptions())
	in := reading(t, conn)
	closed := make(chan struct{})
	go func() {
		conn.Close(protocol.CloseNormal, "done")
		conn.Close(protocol.CloseNormal, "a second one is not sent")
		close(closed)
	}()
	require.Equal(t, wireFrame{true, opClose, []byte(closePayload(1000, "done"))}, p.next())
	take(t, closed)
	p.send(serverFrame(opPing, "no Pong may follow a Close frame"))
	p.send(serverFrame(opClose, closePayload(1000, "")))
	require.EqualError(t, take(t, in.ended), "the server closed the connection with code 1000")
	conn.Cut()
	p.nothing()
}

func TestCloseWaitsForAWriteThatIsUnderWay(t *testing.T) {
	conn, p := openConn(t, testOptions())
	reading(t, conn)
	size, appendTo := appending("message")
	require.NoError(t, conn.AppendMessage(false, size, appendTo))
	flushed, closed := make(chan error, 1), make(chan struct{})
	go func() { flushed <- conn.Flush() }()
	first := make([]byte, 1)
	_, err := p.Conn.Read(first) // the write is under way
	require.NoError(t, err)
	go func() {
		conn.Close(protocol.CloseNormal, "")
		close(closed)
	}()
	for !conn.wire.closing.Load() {
		runtime.Gosched() // until then Close has not begun
	}
	p.in.Reset(io.MultiReader(strings.NewReader(string(first)), p.Conn))
	require.Equal(t, "message", string(p.next().payload))
	require.Equal(t, opClose, p.next().opcode, "the Close frame is not left out because a write was under way")
	take(t, closed)
	require.NoError(t, take(t, flushed))
}

func TestCloseDoesNotWaitForAPeerThatDoesNotRead(t *testing.T) {
	for name, blocked := range map[string]bool{"while a write is blocked": true, "while nothing is written": false} {
		t.Run(name, func(t *testing.T) {
			conn, p := openConn(t, testOptions())
			flushed := make(chan error, 1)
			if blocked {
				conn.AppendPing([]byte("1"))
				go func() { flushed <- conn.Flush() }()
				_, err := p.Conn.Read(make([]byte, 1))
				require.NoError(t, err)
			}
			begun := time.Now()
			conn.Close(protocol.CloseNormal, "")
			require.Less(t, time.Since(begun), patience/2)
			if blocked {
				require.Error(t, take(t, flushed))
			}
		})
	}
}
