// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
)

// overEarlier is what a way of sending may take of the CPU time that the earlier
// binary takes, and how many times the events/s it has to reach.
type overEarlier struct {
	name  string
	load  string
	set   map[string]any
	cpu   float64
	speed float64 // 0: no goal
	peak  float64 // MiB; 0: no goal
}

var earlierGoals = []overEarlier{
	{name: "json", cpu: 0.72, speed: 1.4},
	{name: "raw, framing lines", set: map[string]any{"format": "raw", "framing": "lines"}, cpu: 0.68, speed: 1.4},
	{name: "json, 200 files", load: "files", cpu: 0.72, peak: 200},
}

// measureEarlier compares the distribution with its binary at an earlier commit.
func measureEarlier(ctx context.Context, b *bench) (section, error) {
	s := section{
		title: "Against an earlier binary",
		text:  "Both with the shipped file, in alternating runs.",
	}
	if b.earlier == "" {
		s.text = "Not measured: it needs `-earlier` with the binary of an earlier commit."
		return s, nil
	}
	for _, g := range earlierGoals {
		now := testCase{name: g.name, base: shippedFile, load: g.load, output: "websocket", set: g.set}
		before := now
		before.name, before.before = g.name+", earlier", true
		cases := []testCase{before, now}
		all, err := b.compare(ctx, cases)
		if err != nil {
			return s, err
		}
		s.table += all.table(cases, before.name)
		cpu := all.versus(now.name, before.name, timesCPU)
		s.verdicts = append(s.verdicts, verdict{
			goal:     fmt.Sprintf("%s: at most %.2f times the CPU of the earlier binary", g.name, g.cpu),
			measured: cpu.text("%.2f"),
			holds:    cpu.median <= g.cpu,
		})
		if g.peak > 0 {
			peak := all.spread(now.name, func(m measurement) float64 { return m.peakRSS })
			s.verdicts = append(s.verdicts, verdict{
				goal:     fmt.Sprintf("%s: peak RSS under %.0f MiB", g.name, g.peak),
				measured: peak.text("%.0f MiB"),
				holds:    peak.median < g.peak,
			})
		}
		if g.speed == 0 {
			continue
		}
		speed := all.versus(now.name, before.name, timesEvents)
		s.verdicts = append(s.verdicts, verdict{
			goal:     fmt.Sprintf("%s: at least %.1f times the events/s of the earlier binary", g.name, g.speed),
			measured: speed.text("%.2f"),
			holds:    speed.median >= g.speed,
		})
	}
	return s, nil
}

func timesEvents(m, base measurement) float64 { return m.eventsPerSecond / base.eventsPerSecond }
