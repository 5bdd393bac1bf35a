// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"runtime/debug"
	"slices"
	"testing"
	"time"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/elastic-agent-libs/mapstr"
	"github.com/stretchr/testify/require"
)

// filestreamEvent is what filestream hands over for a line of 200 bytes, with
// Filebeat's default processors but those for cloud and container metadata.
func filestreamEvent() *beat.Event {
	return &beat.Event{
		Timestamp: time.Date(2024, 10, 22, 17, 5, 31, 123456789, time.UTC),
		Meta:      mapstr.M{"raw_index": "logs"},
		Fields: mapstr.M{
			"message": `192.0.2.17 - - [22/Oct/2024:17:05:31 +0000] "GET /api/v1/orders/8812?expand=items,customer HTTP/1.1" 200 5316 "https://shop.example.com/orders" "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101" 0.018`,
			"log": mapstr.M{
				"offset": int64(104857600),
				"file": mapstr.M{
					"path":      "/var/log/nginx/access.log",
					"device_id": "64769",
					"inode":     "1835021",
				},
			},
			"input": mapstr.M{"type": "filestream"},
			"ecs":   mapstr.M{"version": "8.0.0"},
			"host":  mapstr.M{"name": "web-7.example.com"},
			"agent": mapstr.M{
				"ephemeral_id": "0d3c6c3b-8b44-4c0a-9b8e-0f4f2c5f5c1a",
				"id":           "5b1bd6a2-6d59-4a53-8f4e-2a9f6a0f0d52",
				"name":         "web-7.example.com",
				"type":         "filebeat",
				"version":      "9.0.0",
			},
			"tags":  []string{"web", "production"},
			"event": mapstr.M{"dataset": "nginx.access", "module": "nginx"},
		},
	}
}

// The peer that each codec is measured against is libbeat's own JSON codec, which
// every output but Elasticsearch's uses.
func BenchmarkAppend(b *testing.B) {
	event := filestreamEvent()
	for _, name := range Names() {
		b.Run(name, func(b *testing.B) {
			encoder := newTestEncoder(b, name)
			record, err := encoder.Append(nil, event)
			require.NoError(b, err)
			b.SetBytes(int64(len(record)))
			b.ReportAllocs()
			for b.Loop() {
				if record, err = encoder.Append(record[:0], event); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("libbeat", func(b *testing.B) {
		encoder := newLibbeatJSON()
		record, err := encoder.Encode(testInfo.Beat, event)
		require.NoError(b, err)
		b.SetBytes(int64(len(record)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err = encoder.Encode(testInfo.Beat, event); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func TestUsualEventCostsNoAllocation(t *testing.T) {
	event := filestreamEvent()
	event.Fields["error"] = mapstr.M{"code": 7, "fatal": false, "ratio": 0.25, "cause": nil}
	event.Fields["seen"] = []any{"a", uint64(1), mapstr.M{"at": event.Timestamp}}
	event.Fields["parts"] = []mapstr.M{{"a": "b"}}
	event.Fields["labels"] = map[string]string{"team": "web"}

	most := 0.0
	if build, ok := debug.ReadBuildInfo(); ok && slices.Contains(build.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		most = 10 // the race detector makes pools forget buffers
	}

	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			encoder := newTestEncoder(t, name)
			record := make([]byte, 0, 4096)
			allocations := testing.AllocsPerRun(200, func() {
				_, err := encoder.Append(record, event)
				require.NoError(t, err)
			})
			require.LessOrEqual(t, allocations, most, "codec %s allocates for every event", name)
		})
	}
}
