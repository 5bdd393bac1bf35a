// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package session

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/outputs/websocket/internal/conn"
	"filebeat-websocket/protocol"
)

// echoing is a connection in memory whose peer answers every Ping at once.
type echoing struct {
	buffer []byte
	pings  [][]byte
	pongs  chan []byte
	cut    chan struct{}
}

func (e *echoing) AppendMessage(_ bool, _ int, appendTo func([]byte) []byte) error {
	if e.buffer = appendTo(e.buffer); len(e.buffer) >= 64<<10 {
		e.buffer = e.buffer[:0]
	}
	return nil
}

func (e *echoing) AppendPing(payload []byte) { e.pings = append(e.pings, payload) }

func (e *echoing) Flush() error {
	for _, p := range e.pings {
		e.pongs <- p
	}
	e.pings, e.buffer = e.pings[:0], e.buffer[:0]
	return nil
}

func (e *echoing) Read(h conn.Handler) error {
	for {
		select {
		case p := <-e.pongs:
			h.Heard()
			h.Pong(p)
		case <-e.cut:
			return ErrClosed
		}
	}
}

func (e *echoing) Close(protocol.CloseCode, string) {}
func (e *echoing) Cut()                             { close(e.cut) }

// settledLater is a flight whose outcome is reported to a channel that all share.
type settledLater struct {
	text   string
	count  int
	settle chan struct{}
}

func (b *settledLater) Messages() int                     { return b.count }
func (b *settledLater) Size(int) int                      { return len(b.text) }
func (b *settledLater) AppendTo(dst []byte, _ int) []byte { return append(dst, b.text...) }
func (b *settledLater) Alone() bool                       { return false }
func (b *settledLater) Settled(Outcome)                   { b.settle <- struct{}{} }

func BenchmarkSendBatchOf1600Messages(b *testing.B) {
	e := &echoing{pongs: make(chan []byte, 10), cut: make(chan struct{})}
	s, err := Open(b.Context(), e, newStrategy(b, "ping"), testOptions())
	require.NoError(b, err)
	batch := &settledLater{text: strings.Repeat("x", 700), count: 1600, settle: make(chan struct{}, 10)}
	b.SetBytes(1600 * 700)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Send(batch); err != nil {
			b.Fatal(err)
		}
		<-batch.settle
	}
	s.fail(ErrClosed)
	s.loops.Wait()
}
