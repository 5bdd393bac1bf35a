// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package file

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"path/filepath"
	"testing"

	"filebeat-websocket/protocol"
)

// BenchmarkHandler is one connection that sends records of 203 bytes, one a
// message, 1600 in a write, and then waits for their confirmation: the Pong for
// a Ping, or the ack of the last. The output goes nowhere, or to a file that is
// synced before a confirmation.
func BenchmarkHandler(b *testing.B) {
	const perWrite = 1600
	record := fmt.Sprintf(`{"message":"%0189d"}`, 7)
	one := binary.BigEndian.AppendUint16([]byte{0x81, 0x80 | 126}, uint16(len(record)))
	one = append(append(one, 0, 0, 0, 0), record...)
	burst := bytes.Repeat(one, perWrite)
	for _, synced := range []bool{false, true} {
		for _, acks := range []bool{false, true} {
			b.Run(fmt.Sprintf("acks=%t/fsync=%t", acks, synced), func(b *testing.B) {
				sink := New(io.Discard)
				if synced {
					var err error
					if sink, err = Open(filepath.Join(b.TempDir(), "out.ndjson")); err != nil {
						b.Fatal(err)
					}
					defer sink.Close() //nolint:errcheck // it is thrown away
				}
				ws, frames, replies := connect(b, sink, protocol.Subprotocol), burst, make(chan string, 1)
				if !acks {
					ws, frames = connect(b, sink), append(burst, "\x89\x81\x00\x00\x00\x00x"...)
					ws.SetPongHandler(func(string) error {
						replies <- ""
						return nil
					})
				}
				go func() {
					for {
						_, text, err := ws.ReadMessage()
						if err != nil {
							return
						}
						replies <- string(text)
					}
				}()
				b.SetBytes(int64(len(frames)))
				b.ReportAllocs()
				sent := 0
				for b.Loop() {
					if _, err := ws.NetConn().Write(frames); err != nil {
						b.Fatal(err)
					}
					sent += perWrite
					if !acks {
						<-replies
						continue
					}
					want := string(protocol.AppendAck(nil, uint64(sent)))
					for ack := ""; ack != want; {
						ack = <-replies
					}
				}
				b.ReportMetric(float64(sent)/b.Elapsed().Seconds(), "messages/s")
			})
		}
	}
}
