// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package lag

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/elastic/beats/v7/libbeat/beat"
)

// BenchmarkEvent is all that the lag costs for an event, from Mark to Settle. Each file has
// a producer; with several, no two events of a batch in a row are from the same file.
func BenchmarkEvent(b *testing.B) {
	const lines, batch = 4, 2048
	for _, files := range []int{1, 200} {
		for _, kind := range []string{"update", "state", "none"} {
			b.Run(fmt.Sprintf("files=%d/%s", files, kind), func(b *testing.B) {
				tracker := newTracker()
				sources, events := make([]*Source, files), make([][]*beat.Event, files)
				for i := range files {
					l := newLog(b, tracker, filepath.Join(b.TempDir(), "a.log"), kind)
					l.write(1)
					info, err := os.Stat(l.path)
					require.NoError(b, err)
					sources[i] = l.source
					for range lines {
						events[i] = append(events[i], l.event(info))
					}
				}
				marks := make([]Mark, 0, batch)
				b.ReportAllocs()
				b.ResetTimer()
				for n := range b.N {
					marks = append(marks, sources[n%files].See(events[n%files][n/files%lines]))
					if len(marks) == batch || n == b.N-1 {
						settle(tracker, marks...)
						marks = marks[:0]
					}
				}
			})
		}
	}
}
