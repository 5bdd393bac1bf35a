// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package file

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"testing"

	"filebeat-websocket/protocol"
)

// BenchmarkLines is one connection that sends messages of 1600 records of 203 bytes, one
// a line, four at a time, and then waits for the ack of the last.
func BenchmarkLines(b *testing.B) {
	b.Run("discard", func(b *testing.B) { benchmarkLines(b, New(io.Discard)) })
	b.Run("folder", func(b *testing.B) {
		sink, err := OpenFolder(b.TempDir(), FolderOptions{})
		if err != nil {
			b.Fatal(err)
		}
		defer sink.Close() //nolint:errcheck // it is thrown away
		benchmarkLines(b, sink)
	})
}

func benchmarkLines(b *testing.B, sink *Sink) {
	const records, burst = 1600, 4
	lines := bytes.Repeat(fmt.Appendf(nil, "{\"message\":\"%0189d\"}\n", 7), records)
	frame := binary.BigEndian.AppendUint64([]byte{0x81, 0x80 | 127}, uint64(len(lines)))
	frame = bytes.Repeat(append(append(frame, 0, 0, 0, 0), lines...), burst)
	ws := connect(b, sink, protocol.Subprotocol)
	b.SetBytes(int64(len(frame)))
	b.ReportAllocs()
	sent := 0
	for b.Loop() {
		go ws.NetConn().Write(frame) //nolint:errcheck // then no ack comes
		sent += burst
		want := string(protocol.AppendAck(nil, uint64(sent)))
		for ack := ""; ack != want; {
			_, text, err := ws.ReadMessage()
			if err != nil {
				b.Fatal(err)
			}
			ack = string(text)
		}
	}
	b.ReportMetric(float64(sent*records)/b.Elapsed().Seconds(), "records/s")
}
