// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

func BenchmarkBatchOf1600Messages(b *testing.B) {
	for name, maxFrameBytes := range map[string]int{"in one frame each": 0, "in fragments of 256 bytes": 256} {
		b.Run(name, func(b *testing.B) {
			options := testOptions()
			options.MaxFrameBytes = maxFrameBytes
			socket := newScript(nil)
			options.Dial = dialing(socket)
			c, err := Dial(b.Context(), options)
			require.NoError(b, err)
			defer c.Cut()
			message := bytes.Repeat([]byte("x"), 700)
			appendTo := func(dst []byte) []byte { return append(dst, message...) }
			b.SetBytes(1600 * 700)
			b.ReportAllocs()
			for b.Loop() {
				for range 1600 {
					if err := c.AppendMessage(false, len(message), appendTo); err != nil {
						b.Fatal(err)
					}
				}
				c.AppendPing([]byte("12345678"))
				if err := c.Flush(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
