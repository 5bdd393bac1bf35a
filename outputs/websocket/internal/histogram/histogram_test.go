// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package histogram

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/elastic/elastic-agent-libs/monitoring"
)

func TestBucketsAreCumulative(t *testing.T) {
	var h Histogram
	registry := monitoring.NewRegistry()
	h.Register(registry, "took")
	for _, d := range []time.Duration{0, 250 * time.Microsecond, 251 * time.Microsecond, time.Second, time.Hour} {
		h.Add(d)
	}
	read := monitoring.CollectFlatSnapshot(registry, monitoring.Full, false).Ints
	require.Len(t, read, len(limits)+2)
	require.Equal(t, int64(2), read["took.250"])
	require.Equal(t, int64(3), read["took.500"])
	require.Equal(t, int64(3), read["took.500000"])
	require.Equal(t, int64(4), read["took.60000000"])
	require.Equal(t, int64(5), read["took.count"])
	require.Equal(t, int64(3_601_000_501), read["took.sum"])
}
