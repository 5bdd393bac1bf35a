// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package histogram counts durations in buckets with fixed limits, so that what happened
// within any stretch of time can be worked out from two readings.
package histogram

import (
	"strconv"
	"sync/atomic"
	"time"

	"github.com/elastic/elastic-agent-libs/monitoring"
)

// limits are the upper limits of the buckets in microseconds. Beyond the last there is
// one bucket more.
var limits = [...]int64{
	250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
	1_000_000, 2_500_000, 5_000_000, 10_000_000, 30_000_000, 60_000_000,
}

// Histogram may be used by several goroutines.
type Histogram struct {
	counts [len(limits) + 1]atomic.Uint64
	sum    atomic.Int64
}

// Add counts a duration.
func (h *Histogram) Add(d time.Duration) {
	us := d.Microseconds()
	bucket := 0
	for bucket < len(limits) && us > limits[bucket] {
		bucket++
	}
	h.counts[bucket].Add(1)
	h.sum.Add(us)
}

// Register adds the histogram to a registry: for each limit how many durations were not
// above it, then count and sum.
func (h *Histogram) Register(registry *monitoring.Registry, name string) {
	monitoring.NewFunc(registry, name, func(_ monitoring.Mode, v monitoring.Visitor) {
		v.OnRegistryStart()
		defer v.OnRegistryFinished()
		total := int64(0)
		for i, limit := range limits {
			total += int64(h.counts[i].Load())
			monitoring.ReportInt(v, strconv.FormatInt(limit, 10), total)
		}
		monitoring.ReportInt(v, "count", total+int64(h.counts[len(limits)].Load()))
		monitoring.ReportInt(v, "sum", h.sum.Load())
	})
}
