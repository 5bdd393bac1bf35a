// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/stretchr/testify/require"
)

// fuzzCodec encodes events of the fuzzer's text, numbers and time, with fields of
// every kind around, and holds what a reader of the format finds in the record.
func fuzzCodec(f *testing.F, name string) {
	f.Helper()
	for i, piece := range awkwardPieces {
		f.Add(piece, "key"+piece, int64(i), float64(i)/3, int64(i), uint64(i))
	}
	f.Add("", "time", int64(math.MinInt64), math.NaN(), int64(-1), uint64(1))
	f.Add("x", "@timestamp", int64(math.MaxInt64), math.Inf(-1), int64(math.MaxUint32+1), uint64(2))
	f.Add("x", "id", int64(1)<<53+1, math.Copysign(0, -1), int64(math.MaxUint32), uint64(3))
	f.Add("x", "@metadata", int64(0), 1e300, int64(0), uint64(4))
	encoder := newTestEncoder(f, name)
	f.Fuzz(func(t *testing.T, line, key string, number int64, float float64, seconds int64, seed uint64) {
		g := &generator{Rand: rand.New(rand.NewPCG(seed, 2))}
		event := &beat.Event{
			// Years that time.Time has room for.
			Timestamp: time.Unix(seconds%(1<<40), number&(1<<29-1)),
			Meta:      map[string]any{"_id": line},
			Fields: map[string]any{
				"message":  line,
				"object":   map[string]any{key: []any{line, number, float}},
				"text":     []byte(line),
				"unsigned": uint64(number),
				"value":    g.value(2),
			},
		}
		if _, taken := event.Fields[key]; !taken {
			event.Fields[key] = float
		}
		record, err := encoder.Append([]byte("before"), event)
		require.NoError(t, err)
		require.Equal(t, "before", string(record[:6]))
		checkRecord(t, name, event, record[6:])
	})
}

func FuzzJSON(f *testing.F)    { fuzzCodec(f, "json") }
func FuzzLog(f *testing.F)     { fuzzCodec(f, "log") }
func FuzzRaw(f *testing.F)     { fuzzCodec(f, "raw") }
func FuzzMsgpack(f *testing.F) { fuzzCodec(f, "msgpack") }
func FuzzForward(f *testing.F) { fuzzCodec(f, "forward") }
func FuzzGELF(f *testing.F)    { fuzzCodec(f, "gelf") }
func FuzzLTSV(f *testing.F)    { fuzzCodec(f, "ltsv") }
func FuzzForm(f *testing.F)    { fuzzCodec(f, "form") }
func FuzzCSV(f *testing.F)     { fuzzCodec(f, "csv") }
