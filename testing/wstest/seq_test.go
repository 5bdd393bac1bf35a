// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package wstest

import (
	"encoding/binary"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestASeqSetCountsAsANaiveSetDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		near, far := rapid.IntRange(0, 3*seqPageBits), rapid.IntRange(0, 999_999_999_999_999_999)
		numbers := rapid.SliceOf(rapid.OneOf(rapid.IntRange(0, 50), near, far)).Draw(t, "numbers")
		var set seqSet
		naive := map[int]int{}
		duplicate, largest, maxTimes := 0, 0, 0
		var text []byte
		for _, n := range numbers {
			if naive[n] > 0 {
				duplicate++
			}
			naive[n]++
			largest, maxTimes = max(largest, n), max(maxTimes, naive[n])
			text = fmt.Appendf(text, "seq=%d,", n)
		}
		eachSeq(text, set.add)
		require.Equal(t, []int{len(naive), duplicate, largest, maxTimes}, []int{set.unique, set.duplicate, set.largest, set.maxTimes})
		for n := range naive {
			require.Equal(t, naive[n], set.times(n))
			require.Equal(t, naive[n+1], set.times(n+1))
			require.Equal(t, naive[n+1] > 0, set.has(n+1))
		}
		require.False(t, set.has(-1))
	})
}

// BenchmarkServer is what one connection can take: records of 203 bytes, one a
// message, many messages in a write, a Ping after every 1600.
func BenchmarkServer(b *testing.B) {
	s := Start(b)
	c := dial(b, s)
	const perBatch = 1600
	key := [4]byte{0x12, 0x34, 0x56, 0x78}
	batch := func(first int) []byte {
		var frames []byte
		for n := first; n < first+perBatch; n++ {
			record := fmt.Appendf(nil, `{"message":"seq=%012d %0163d"}`, n, 0)
			frames = append(frames, 0x80|opText, 0x80|126)
			frames = binary.BigEndian.AppendUint16(frames, uint16(len(record)))
			frames = append(frames, key[:]...)
			at := len(frames)
			frames = append(frames, record...)
			unmask(frames[at:], key)
		}
		frames = append(frames, 0x80|opPing, 0x80|8, 0, 0, 0, 0)
		return binary.BigEndian.AppendUint64(frames, uint64(first))
	}
	frames := batch(1)
	raw := c.NetConn()
	b.SetBytes(int64(len(frames)))
	b.ReportAllocs()
	sent := 0
	for b.Loop() {
		if _, err := raw.Write(frames); err != nil {
			b.Fatal(err)
		}
		sent++
		<-c.pongs
	}
	b.ReportMetric(float64(sent*perBatch)/b.Elapsed().Seconds(), "messages/s")
	require.Equal(b, sent*perBatch, s.Counts().Messages)
	require.Equal(b, perBatch, s.Counts().Unique)
}

// FuzzFrames: whatever a client sends, the reader neither panics nor hands out
// more bytes than came in, and a frame it takes is at most maxMessageBytes.
func FuzzFrames(f *testing.F) {
	f.Add([]byte("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58")) // RFC 6455 5.7, masked "Hello"
	f.Add([]byte("\x81\xfe\x00\x7e\x00\x00\x00\x00"))             // length in two bytes
	f.Add([]byte("\x81\xff\x00\x00\x00\x00\x00\x01\x00\x00"))     // length in eight bytes
	f.Add([]byte("\x89\x80\x00\x00\x00\x00"))                     // empty Ping
	f.Fuzz(func(t *testing.T, data []byte) {
		reader := frameReader{src: &oneByteReader{data}}
		total := 0
		for {
			got, err := reader.next()
			if err != nil {
				break
			}
			total += 6 + len(got.payload)
		}
		require.LessOrEqual(t, total, len(data))
	})
}

// oneByteReader hands out its bytes one at a time.
type oneByteReader struct{ data []byte }

func (r *oneByteReader) Read(p []byte) (int, error) {
	if len(r.data) == 0 {
		return 0, io.EOF
	}
	p[0] = r.data[0]
	r.data = r.data[1:]
	return 1, nil
}
