// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"filebeat-websocket/receiver"
	"filebeat-websocket/receiver/sink/file"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestAMessageIsWhatItClaims has the receiver itself read it.
func TestAMessageIsWhatItClaims(t *testing.T) {
	for name, withIDs := range map[string]bool{"with ids": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			handler, err := receiver.New(file.New(&out), receiver.Options{Format: "json_lines"})
			require.NoError(t, err)
			server := httptest.NewServer(handler)
			defer server.Close()
			var nextID atomic.Uint64
			c, err := dial(t.Context(), "ws"+strings.TrimPrefix(server.URL, "http"), newTemplate(10, 200, withIDs), &nextID)
			require.NoError(t, err)
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			require.NoError(t, c.run(ctx))
			require.NoError(t, handler.Shutdown(t.Context()))
			require.Positive(t, c.records)
			require.Len(t, c.acked, c.records/10)
			ids := map[string]int{}
			lines := 0
			for scanner := bufio.NewScanner(&out); scanner.Scan(); lines++ {
				require.Len(t, scanner.Text(), 200)
				var record struct {
					Metadata struct {
						ID string `json:"_id"`
					} `json:"@metadata"`
				}
				require.NoError(t, json.Unmarshal(scanner.Bytes(), &record))
				ids[record.Metadata.ID]++
			}
			require.Equal(t, c.records, lines)
			if withIDs {
				require.Len(t, ids, lines, "each has an id of its own")
			}
		})
	}
}

func TestRowHasMedians(t *testing.T) {
	require.Equal(t, "| 20 (10...90) | 2.0 ms | 30.0 ms | 1.50 | 7 |", row([]measurement{
		{recordsPerSecond: 90, p50: time.Millisecond, p99: 30 * time.Millisecond, cpuPerMillion: 1.5, peakRSS: 7},
		{recordsPerSecond: 10, p50: 2 * time.Millisecond, p99: 20 * time.Millisecond, cpuPerMillion: 1, peakRSS: 6},
		{recordsPerSecond: 20, p50: 3 * time.Millisecond, p99: 40 * time.Millisecond, cpuPerMillion: 2, peakRSS: 8},
	}))
}
