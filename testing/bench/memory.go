// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// longRun is how many times more events the run that looks for growth sends.
const longRun = 10

// measureMemory lets one filebeat send ten times as much and compares the memory
// of its second half with that of its first.
func measureMemory(ctx context.Context, b *bench) (section, error) {
	long := b.loads["access"]
	long.name, long.lines = "memory", long.lines*longRun
	if err := long.write(b.folder); err != nil {
		return section{}, err
	}
	b.loads = maps.Clone(b.loads)
	b.loads[long.name] = long
	var samples []float64
	var failure error
	_, err := b.run(ctx, testCase{base: shippedFile, load: long.name, output: "websocket"}, nil, func(p *process) {
		rss, err := p.RSS()
		if err != nil {
			failure = err
			return
		}
		samples = append(samples, float64(rss)/(1<<20))
	})
	if err == nil {
		err = failure
	}
	if err != nil {
		return section{}, err
	}
	if len(samples) < 4 {
		return section{}, fmt.Errorf("only %d samples of the memory; raise -lines", len(samples))
	}
	half := len(samples) / 2
	first, second := slices.Max(samples[:half]), slices.Max(samples[half:])
	return section{
		title: "Memory over a long run",
		text:  fmt.Sprintf("One filebeat with the shipped file sends %d events; its resident memory is read ten times a second.", long.lines),
		table: fmt.Sprintf("| | peak RSS MiB |\n|---|---|\n| first half | %.0f |\n| second half | %.0f |\n\n", first, second),
		verdicts: []verdict{{
			goal:     fmt.Sprintf("flat over %d events: the second half's peak within 5 %% of the first's", long.lines),
			measured: fmt.Sprintf("%.0f and %.0f MiB", first, second),
			holds:    second <= first*1.05,
		}},
	}, nil
}

// measureCollector compares values of GOGC: less CPU time for more memory.
func measureCollector(ctx context.Context, b *bench) (section, error) {
	own := testCase{name: "as it is", base: shippedFile, output: "websocket"}
	cases := []testCase{own}
	for _, gogc := range []string{"100", "200", "300", "400"} {
		cases = append(cases, testCase{name: "GOGC=" + gogc, base: shippedFile, output: "websocket", gogc: gogc})
	}
	all, err := b.compare(ctx, cases)
	if err != nil {
		return section{}, err
	}
	return section{
		title: "The collector",
		text:  "The shipped file, with GOGC in the environment: by how many per cent the heap may grow before it is collected.",
		table: all.table(cases, own.name),
	}, nil
}
