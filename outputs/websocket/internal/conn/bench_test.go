// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

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

// BenchmarkCompression sends what `format: json_lines` makes of a batch of 1,600
// filestream events of 762 bytes: a line of an access log and Filebeat's own
// fields. The metrics are the factor by which the messages get smaller and the
// CPU seconds per million events.
func BenchmarkCompression(b *testing.B) {
	const batch = 1600
	messages := jsonLines(batch, 1<<20)
	for _, level := range []int{0, 1, 2, 3, 6, 9} {
		b.Run(fmt.Sprintf("level %d", level), func(b *testing.B) {
			options, counted := compressing(level, 1<<10), &traffic{}
			options.Traffic, options.Dial = counted, dialing(newScript(nil))
			c, err := Dial(b.Context(), options)
			require.NoError(b, err)
			defer c.Cut()
			b.ReportAllocs()
			before := cpuTime(b)
			for b.Loop() {
				for _, message := range messages {
					if err := c.AppendMessage(false, len(message), func(dst []byte) []byte { return append(dst, message...) }); err != nil {
						b.Fatal(err)
					}
				}
				if err := c.Flush(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(counted.before.Load())/float64(counted.after.Load()), "times_smaller")
			b.ReportMetric((cpuTime(b)-before).Seconds()/float64(b.N)/batch*1e6, "CPU_s/million_events")
		})
	}
}

// cpuTime is what this process has used, garbage collection and all. It says the
// same on a machine that has other things to do.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// jsonLines returns the messages of so many events, none longer than maxBytes.
func jsonLines(events, maxBytes int) (messages [][]byte) {
	random := rand.New(rand.NewPCG(1, 2))
	pages := []string{"/", "/products", "/products/17", "/cart", "/checkout", "/search?q=boots", "/static/site.css", "/login"}
	begun := time.Date(2026, 2, 5, 22, 17, 9, 0, time.UTC)
	var message []byte
	offset := 0
	for i := range events {
		at := begun.Add(time.Duration(i) * 700 * time.Microsecond)
		line := fmt.Sprintf(`198.51.100.%d - - [%s] "GET %s HTTP/1.1" %d %d "https://shop.example%s" "Mozilla/5.0 (X11; Linux x86_64; rv:%d.0) Gecko/20100101 Firefox/%[7]d.0" id=%[8]d`,
			random.IntN(200)+1, at.Format("02/Jan/2006:15:04:05 -0700"), pages[random.IntN(len(pages))], []int{200, 200, 200, 304, 404}[random.IntN(5)],
			random.IntN(40_000)+300, pages[random.IntN(len(pages))], 110+random.IntN(20), i)
		offset += len(line) + 1
		record := fmt.Appendf(nil, `{"@timestamp":%q,"@metadata":{"beat":"filebeat","type":"_doc","version":"9.0.0"},"log":{"offset":%d,"file":{"path":"/var/log/nginx/access.log","device_id":"64769","inode":"1837201","fingerprint":"6d1bb4d5f3c1b0d0a1f6f0a7f5a1b1d5c58a3e7e12d7b1a6b1c5f0a9e8d7c6b5"}},`+
			`"message":%q,"input":{"type":"filestream"},"ecs":{"version":"8.0.0"},"host":{"name":"web-17.example"},"agent":{"ephemeral_id":"0f5b4f0e-1ed8-4b5e-9d3a-7a0b5b7e3f10","id":"c56aa5b2-2f2b-4a3f-8d6c-4a9a1f1b9b0e","name":"web-17.example","type":"filebeat","version":"9.0.0"}}`+"\n",
			at.Format("2006-01-02T15:04:05.000Z"), offset, line)
		if len(message)+len(record) > maxBytes {
			messages, message = append(messages, message), nil
		}
		message = append(message, record...)
	}
	return append(messages, message)
}
