// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package framing

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// benchRecords is how many records of 670 bytes a message of the default
// max_message_bytes holds.
const benchRecords = 1500

// BenchmarkFraming lays out a message; the figures are of one record.
func BenchmarkFraming(b *testing.B) {
	layouts := map[string]Framing{}
	for _, name := range Names() {
		layout, err := Get(name)
		require.NoError(b, err)
		layouts[name] = layout
	}
	for _, mode := range ForwardModes {
		layout, err := Forward(ForwardOptions{Mode: mode, Chunks: true})
		require.NoError(b, err)
		layouts["forward, "+mode+", with chunk"] = layout
	}
	records := make([][]byte, benchRecords)
	for i := range records {
		// A pair [time, record], as Forward wants it; the others take any bytes.
		records[i] = append([]byte{0x92}, bytes.Repeat(fmt.Appendf(nil, "record %04d ", i), 56)...)
	}
	for name, layout := range layouts {
		b.Run(name, func(b *testing.B) {
			message := records
			if layout.Single() {
				message = records[:1]
			}
			b.ReportAllocs()
			var dst []byte
			for b.Loop() {
				dst = layout.Append(dst[:0], message)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(message)), "ns/record")
		})
	}
}
