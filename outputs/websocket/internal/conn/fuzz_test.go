// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/protocol"
)

// script is a socket whose peer answers the upgrade, sends script and then FIN.
// What is written is thrown away.
type script struct {
	net.Conn
	script []byte
	stays  bool   // no FIN: Read blocks until Close
	lines  string // of the answer's header, instead of agreeing to what is offered

	request []byte
	answer  io.Reader
	ready   chan struct{} // closed once the upgrade is answered
	closed  chan struct{}
	once    sync.Once
}

func newScript(frames []byte) *script {
	return &script{script: frames, ready: make(chan struct{}), closed: make(chan struct{})}
}

func (s *script) Write(p []byte) (int, error) {
	if s.answer != nil {
		return len(p), nil
	}
	s.request = append(s.request, p...)
	if !bytes.HasSuffix(s.request, []byte("\r\n\r\n")) {
		return len(p), nil
	}
	request, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(s.request)))
	if err != nil {
		return 0, err
	}
	answer := switching(request.Header.Get("Sec-Websocket-Key"))
	if offer := request.Header.Get("Sec-Websocket-Extensions"); s.lines != "" {
		answer = withHeader(answer, s.lines)
	} else if offer != "" {
		answer = withHeader(answer, "Sec-WebSocket-Extensions: "+offer)
	}
	s.answer = io.MultiReader(strings.NewReader(answer), bytes.NewReader(s.script))
	close(s.ready)
	return len(p), nil
}

func (s *script) Read(p []byte) (int, error) {
	<-s.ready
	n, err := s.answer.Read(p)
	if err != nil && s.stays {
		<-s.closed
		return 0, net.ErrClosed
	}
	return n, err
}

func (s *script) Close() error {
	s.once.Do(func() { close(s.closed) })
	return nil
}

func (s *script) SetDeadline(time.Time) error      { return nil }
func (s *script) SetWriteDeadline(time.Time) error { return nil }

type deaf struct{}

func (deaf) Pong([]byte)    {}
func (deaf) Message([]byte) {}
func (deaf) Heard()         {}

func FuzzRead(f *testing.F) {
	f.Add(0, []byte{})
	f.Add(0, serverFrame(opText, "message"))
	f.Add(1, serverFrame(rsv1|opText, "\xcaM-.NLO\x05\x00"))
	f.Add(1, append(serverFrame(rsv1|opBinary, "\xff\xff"), serverFrame(opPing, "1")...))
	f.Add(0, append(serverFrame(opPing, "1"), serverFrame(opPong, "")...))
	f.Add(0, serverFrame(opClose, closePayload(1014, "")))
	f.Add(0, serverFrame(opClose, "1"))
	f.Add(0, []byte{opText, 3, 'a', 'b', 'c', 0x80, 1, 'd'})
	f.Add(0, []byte("\x82\x7f\x00\x00\x00\xff\xff\xff\xff\xff"))
	f.Add(0, []byte("\x02\x7f\x7f\xff\xff\xff\xff\xff\xff\xff"))
	f.Add(0, []byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
	f.Fuzz(func(t *testing.T, level int, frames []byte) {
		options := testOptions()
		options.MaxReadBytes = 1000
		options.CompressionLevel = max(0, min(level, MaxCompressionLevel))
		options.Dial = dialing(newScript(frames))
		c, err := Dial(t.Context(), options)
		require.NoError(t, err)
		err = c.Read(deaf{})
		require.Error(t, err)
		require.LessOrEqual(t, len(err.Error()), 1000)
		c.AppendPing(nil)
		_ = c.Flush()
		c.Close(protocol.CloseNormal, "")
		c.Cut()
	})
}

func FuzzUpgrade(f *testing.F) {
	f.Add([]byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"))
	f.Add([]byte("HTTP/1.1 401 Unauthorized\r\nContent-Length: 3\r\n\r\nno!"))
	f.Add([]byte("HTTP/1.1 301 \x00\r\nLocation: \xff\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"))
	f.Add([]byte("\x80"))
	f.Fuzz(func(t *testing.T, answer []byte) {
		s := newScript(nil)
		s.answer = bytes.NewReader(answer)
		close(s.ready)
		options := testOptions()
		options.Header = secretHeader()
		options.Dial = dialing(s)
		_, err := Dial(t.Context(), options)
		require.Error(t, err, "no answer can hold the hash of a key that was drawn for this request")
		require.LessOrEqual(t, len(err.Error()), 1500)
	})
}

// FuzzAgreement takes headers of an answer whose Accept is right.
func FuzzAgreement(f *testing.F) {
	f.Add(true, "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover", []byte{0xC1, 1, 0})
	f.Add(true, "Sec-WebSocket-Extensions: permessage-deflate; x=\"a;b\"; server_no_context_takeover", []byte{})
	f.Add(false, "Sec-WebSocket-Extensions: permessage-deflate", []byte{})
	f.Add(false, "Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: b", []byte{})
	f.Fuzz(func(t *testing.T, offered bool, lines string, frames []byte) {
		s := newScript(frames)
		s.lines = lines
		options := testOptions()
		options.Header, options.Subprotocols, options.MaxReadBytes = secretHeader(), []string{"a"}, 1000
		if offered {
			options.CompressionLevel = 1
		}
		options.Dial = dialing(s)
		c, err := Dial(t.Context(), options)
		if err != nil {
			require.LessOrEqual(t, len(err.Error()), 1500)
			return
		}
		require.False(t, c.Compressed() && !offered)
		require.Contains(t, []string{"", "a"}, c.Subprotocol())
		require.Error(t, c.Read(deaf{}))
		size, appendTo := appending(lines)
		require.NoError(t, c.AppendMessage(false, size, appendTo))
		c.Cut()
	})
}
