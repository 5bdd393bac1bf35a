// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/elastic-agent-libs/logp"
	"github.com/elastic/elastic-agent-libs/mapstr"

	"filebeat-websocket/outputs/websocket/internal/lag"
)

// filestreamUpdate is what filestream puts into Event.Private.
type filestreamUpdate struct {
	resource string
	delta    any
}

type filestreamState struct{ Offset int64 }

func (u *filestreamUpdate) Key() string { return u.resource }

// What measuring the lag costs for an event: its number, and its part of the settlement.
// A run of one is that of many files whose events alternate.
func BenchmarkLag(b *testing.B) {
	const batch = 1600
	for name, producers := range map[string]int{"one file": 1, "hundred files in turn": 100} {
		b.Run(name, func(b *testing.B) {
			tracker := lag.New(logp.NewLogger("test"))
			sources := make([]*lag.Source, producers)
			events := make([]beat.Event, batch)
			for i := range sources {
				sources[i] = tracker.NewSource()
			}
			for i := range events {
				events[i] = beat.Event{
					Fields:  mapstr.M{"log": mapstr.M{"offset": int64(i), "file": mapstr.M{"path": "/x.log", "device_id": "1", "inode": "2"}}},
					Private: &filestreamUpdate{"filestream::system-logs::fingerprint::" + strings.Repeat("ab12", 16), filestreamState{int64(i)}},
				}
			}
			records := make([]record, batch)
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				records[n].mark = sources[n%producers].See(&events[n])
				if n++; n < batch {
					continue
				}
				n = 0
				settlement := tracker.Begin()
				for i := range records {
					settlement.Add(&records[i].mark)
				}
				settlement.End()
			}
			require.Less(b, tracker.Summary().Bytes, int64(1))
		})
	}
}
