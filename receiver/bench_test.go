// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

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
	const perBatch = 1600
	record := fmt.Sprintf(`{"message":"%0189d"}`, 7)
	one := binary.BigEndian.AppendUint16([]byte{textFrame, 0x80 | 126}, uint16(len(record)))
	one = append(append(one, 0, 0, 0, 0), record...)
	batch := bytes.Repeat(one, perBatch)
	for _, synced := range []bool{false, true} {
		for _, acks := range []bool{false, true} {
			b.Run(fmt.Sprintf("acks=%t/fsync=%t", acks, synced), func(b *testing.B) {
				store, options := NewStore(io.Discard), Options{}
				if synced {
					var err error
					if store, err = OpenStore(filepath.Join(b.TempDir(), "out.ndjson")); err != nil {
						b.Fatal(err)
					}
					defer store.Close() //nolint:errcheck // it is thrown away
					options.Commit = store.Commit
				}
				options.Consume = store.Consume
				_, url := start(b, options)
				c, frames := dial(b, url), append(batch, frame(pingFrame, "12345678")...)
				if acks {
					c, frames = dial(b, url, protocol.Subprotocol), batch
				}
				b.SetBytes(int64(len(frames)))
				b.ReportAllocs()
				sent := 0
				for b.Loop() {
					if _, err := c.NetConn().Write(frames); err != nil {
						b.Fatal(err)
					}
					sent += perBatch
					if !acks {
						<-c.pongs
						continue
					}
					want := string(protocol.AppendAck(nil, uint64(sent)))
					for ack := ""; ack != want; {
						ack = <-c.messages
					}
				}
				b.ReportMetric(float64(sent)/b.Elapsed().Seconds(), "messages/s")
			})
		}
	}
}
