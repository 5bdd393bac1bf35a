// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package session

import (
	"bufio"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/outputs/websocket/internal/conn"
	"filebeat-websocket/protocol"
	"filebeat-websocket/testing/wstest"
)

type noTraffic struct{}

func (noTraffic) ReadBytes(int)  {}
func (noTraffic) WriteBytes(int) {}

func (noTraffic) MessageBytes(int, int) {}

func dialOptions(address string) conn.Options {
	return conn.Options{
		URL:            &url.URL{Scheme: "ws", Host: address, Path: "/"},
		ConnectTimeout: 5 * time.Second,
		WriteTimeout:   500 * time.Millisecond,
		MaxFrameBytes:  100,
		MaxReadBytes:   1 << 20,
		Traffic:        noTraffic{},
	}
}

// TestNothingIsLostOverRealSockets sends until everything is confirmed, over
// connections that fail in every way that the scripted server knows.
func TestNothingIsLostOverRealSockets(t *testing.T) {
	faults := map[string]wstest.Fault{
		"RST":                          {DropAtMessage: 37},
		"RST at once":                  {DropAtMessage: wstest.AtOpen},
		"Close 1012":                   {CloseAtMessage: 51, CloseCode: 1012},
		"Close 1014":                   {CloseAtMessage: 20, CloseCode: 1014},
		"empty Close":                  {CloseAtMessage: 20},
		"half a frame":                 {HalfFrameAtMessage: 66},
		"mute":                         {MutePongs: true},
		"no more reading":              {StopReadingAtMessage: 13},
		"garbage":                      {SendGarbage: []byte("\xf3garbage")},
		"too long a message":           {SendHuge: 2 << 20},
		"empty Pongs, then RST":        {EmptyPongs: true, DropAtMessage: 43},
		"Pongs unasked, then RST":      {UnsolicitedPongs: 3, DropAtMessage: 43},
		"only the newest Pong":         {PongOnlyNewest: true, Delay: 5 * time.Millisecond, DropAtMessage: 150},
		"an unasked message, then FIN": {SendMessage: "hello", CloseAtMessage: 90, CloseCode: 1001},
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := wstest.Start(t, wstest.AllowViolations(), wstest.WithFaults(fault, fault, fault))
			sendAll(t, server.Addr(), 40, 10)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			require.NoError(t, server.Wait(ctx, func(c wstest.Counts) bool { return c.Unique == 400 }))
			require.Empty(t, server.Missing(1, 400))
		})
	}
}

// sendAll returns when all batches of seq=1, seq=2, ... are confirmed.
func sendAll(t *testing.T, address string, batches, messages int) {
	t.Helper()
	work := make(chan *fakeFlight, batches)
	var open sync.WaitGroup
	for i := range batches {
		open.Add(1)
		b := newFlight()
		for j := range messages {
			b.texts = append(b.texts, fmt.Sprintf("seq=%d %s", i*messages+j+1, strings.Repeat("x", i*7)))
		}
		work <- b
	}
	var told func(b *fakeFlight) func(Outcome)
	told = func(b *fakeFlight) func(Outcome) {
		return func(o Outcome) {
			if o.Cause == nil {
				open.Done()
				return
			}
			again := newFlight(b.texts...)
			again.told = told(again)
			work <- again
		}
	}
	done := make(chan struct{})
	go func() {
		open.Wait()
		close(done)
	}()
	options := Options{Pipelining: 3, Timeout: 300 * time.Millisecond, PingInterval: 20 * time.Millisecond}
	for attempt := 0; ; attempt++ {
		require.Less(t, attempt, 20, "there are but three faulty connections")
		c, err := conn.Dial(t.Context(), dialOptions(address))
		require.NoError(t, err)
		s, err := Open(t.Context(), c, newStrategy(t, "ping"), options)
		if err != nil {
			continue
		}
		for s.Err() == nil {
			select {
			case b := <-work:
				if b.told == nil {
					b.told = told(b)
				}
				if taken, _ := s.Send(b); !taken {
					work <- b
				}
				continue
			case <-s.Done():
				continue
			case <-done:
			}
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			s.Close(ctx)
			cancel()
			require.Equal(t, ErrClosed, s.Err())
			return
		}
		s.Close(canceled(t))
	}
}

func canceled(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

// TestARefusalIsHeardAboveTheBrokenPipe has a server that closes with 1009 as
// soon as a message begins, and hangs up with the rest of it unread: the client
// gets the Close frame and an RST almost at once.
func TestARefusalIsHeardAboveTheBrokenPipe(t *testing.T) {
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { refuse(c) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		serving.Wait()
	})
	text := strings.Repeat("x", 1<<20)
	for range 50 {
		options := dialOptions(listener.Addr().String())
		options.MaxFrameBytes = 0
		options.WriteTimeout = 10 * time.Second
		c, err := conn.Dial(t.Context(), options)
		require.NoError(t, err)
		s, err := Open(t.Context(), c, newStrategy(t, "none"), testOptions())
		require.NoError(t, err)
		for err == nil {
			_, err = s.Send(newFlight(text, text, text, text, text, text, text, text))
		}
		var closed *conn.CloseError
		require.ErrorAs(t, err, &closed)
		require.Equal(t, protocol.CloseTooBig, closed.Code)
		s.Close(canceled(t))
	}
}

// refuse upgrades, reads the beginning of a frame, and refuses it.
func refuse(c net.Conn) {
	defer func() { _ = c.Close() }()
	in := bufio.NewReader(c)
	request, err := http.ReadRequest(in)
	if err != nil {
		return
	}
	sum := sha1.Sum([]byte(request.Header.Get("Sec-Websocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	_, _ = fmt.Fprintf(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
		base64.StdEncoding.EncodeToString(sum[:]))
	if _, err := io.ReadFull(in, make([]byte, 14)); err == nil {
		_, _ = c.Write([]byte{0x88, 2, 0x03, 0xF1})
	}
}
