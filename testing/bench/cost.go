// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
)

// overDiscard is the CPU time, in seconds per million events, that a way of sending
// may take beyond that of output.discard.
type overDiscard struct {
	name string
	set  map[string]any
	goal map[string]float64 // by the base of the configuration
}

var costGoals = []overDiscard{
	{"json", nil, map[string]float64{defaultQueue: 1.5, shippedFile: 1.0}},
	{"json_lines", map[string]any{"format": "json_lines"}, map[string]float64{defaultQueue: 1.3, shippedFile: 0.8}},
	{"raw, framing lines", map[string]any{"format": "raw", "framing": "lines"}, map[string]float64{defaultQueue: 0.5, shippedFile: 0.5}},
}

// measureCost compares the CPU time and the peak memory of formats with those of
// output.discard behind the same queue.
func measureCost(ctx context.Context, b *bench) (section, error) {
	s := section{
		title: "Cost over output.discard",
		text: "The distribution with output.discard and with output.websocket, `ack: ping`, and the same settings of the queue, which is libbeat's with output.discard. " +
			"The differences and ratios are of runs of the same round.",
	}
	for _, base := range []string{defaultQueue, shippedFile} {
		discard := testCase{name: "discard, " + base, base: base, output: "discard"}
		cases := []testCase{discard}
		for _, g := range costGoals {
			cases = append(cases, testCase{name: g.name + ", " + base, base: base, output: "websocket", set: g.set})
		}
		all, err := b.compare(ctx, cases)
		if err != nil {
			return s, err
		}
		s.table += all.table(cases, discard.name)
		for i, g := range costGoals {
			name := cases[i+1].name
			more := all.versus(name, discard.name, moreCPU)
			s.verdicts = append(s.verdicts, verdict{
				goal:     fmt.Sprintf("%s: at most %.1f CPU s per million over discard", name, g.goal[base]),
				measured: more.text("%+.2f"),
				holds:    more.median <= g.goal[base],
			})
		}
		memory := all.versus(cases[1].name, discard.name, func(m, base measurement) float64 { return m.peakRSS / base.peakRSS })
		s.verdicts = append(s.verdicts, verdict{
			goal:     cases[1].name + ": peak RSS at most 1.15 times discard's",
			measured: memory.text("%.2f"),
			holds:    memory.median <= 1.15,
		})
		if base == shippedFile {
			peak := all.spread(cases[1].name, func(m measurement) float64 { return m.peakRSS })
			s.verdicts = append(s.verdicts, verdict{
				goal:     cases[1].name + ": peak RSS under 200 MiB",
				measured: peak.text("%.0f MiB"),
				holds:    peak.max < 200,
			})
		}
	}
	return s, nil
}

// measureDistribution compares the distribution as shipped with plain Filebeat that
// discards everything.
func measureDistribution(ctx context.Context, b *bench) (section, error) {
	stock := testCase{name: "plain Filebeat, discard", stock: true, base: defaultQueue, output: "discard"}
	ours := testCase{name: "this distribution, shipped filebeat.yml", base: shippedFile, output: "websocket"}
	cases := []testCase{stock, ours}
	all, err := b.compare(ctx, cases)
	if err != nil {
		return section{}, err
	}
	times := all.versus(ours.name, stock.name, timesCPU)
	return section{
		title: "The whole distribution",
		text: "Plain Filebeat of the same Beats commit (`go build github.com/elastic/beats/v7/filebeat`), with its default queue, which throws events away, " +
			"and this distribution with the shipped filebeat.yml, which delivers them.",
		table: all.table(cases, stock.name),
		verdicts: []verdict{{
			goal:     "delivering takes at most 0.75 times the CPU of plain Filebeat's discard",
			measured: times.text("%.2f"),
			holds:    times.median <= 0.75,
		}},
	}, nil
}

// measurePeers compares the output with Filebeat's own network outputs.
func measurePeers(ctx context.Context, b *bench) (section, error) {
	logstash := testCase{name: "plain Filebeat, logstash, default queue", stock: true, base: defaultQueue, output: "logstash"}
	redis := testCase{name: "plain Filebeat, redis, default queue", stock: true, base: defaultQueue, output: "redis"}
	tunedLogstash := testCase{
		name: "plain Filebeat, logstash, tuned queue", stock: true, base: tunedQueue, output: "logstash",
		set: map[string]any{"bulk_max_size": 1600},
	}
	ours := testCase{name: "websocket, shipped file", base: shippedFile, output: "websocket"}
	oursDefault := testCase{name: "websocket, default queue", base: defaultQueue, output: "websocket"}
	oursTuned := testCase{name: "websocket, tuned queue", base: tunedQueue, output: "websocket"}
	cases := []testCase{logstash, redis, tunedLogstash, ours, oursDefault, oursTuned}
	all, err := b.compare(ctx, cases)
	if err != nil {
		return section{}, err
	}
	s := section{
		title: "Against Filebeat's own outputs",
		text: "The servers are in the benchmark's own process on the same cores, decode nothing and keep nothing. " +
			"The tuned queue is `queue.mem: {events: 12800, flush.min_events: 1600, flush.timeout: 5s}`, with batches of 1600.",
		table: all.table(cases, logstash.name),
	}
	for _, g := range []struct {
		ours, peer testCase
		minimum    float64
	}{
		{ours, logstash, 1.5},
		{ours, redis, 1.5},
		{oursDefault, logstash, 1.5},
		{oursDefault, redis, 1.5},
		{oursTuned, tunedLogstash, 1.1},
	} {
		times := all.versus(g.ours.name, g.peer.name, func(m, base measurement) float64 { return m.eventsPerSecond / base.eventsPerSecond })
		s.verdicts = append(s.verdicts, verdict{
			goal:     fmt.Sprintf("%s: at least %.1f times the events/s of %s", g.ours.name, g.minimum, g.peer.name),
			measured: times.text("%.2f"),
			holds:    times.median >= g.minimum,
		})
	}
	return s, nil
}

// measureIDs compares lines that have ids with lines that have none.
func measureIDs(ctx context.Context, b *bench) (section, error) {
	byContent := map[string]any{"prospector.scanner.fingerprint.enabled": true, "file_identity.fingerprint": nil}
	off := testCase{name: "event_id: off", base: shippedFile, output: "websocket", set: map[string]any{"event_id": "off"}, input: byContent}
	auto := testCase{name: "event_id: auto", base: shippedFile, output: "websocket", input: byContent}
	cases := []testCase{off, auto}
	all, err := b.compare(ctx, cases)
	if err != nil {
		return section{}, err
	}
	more := all.versus(auto.name, off.name, moreCPU)
	return section{
		title: "Ids of lines",
		text:  "The shipped filebeat.yml with file fingerprints.",
		table: all.table(cases, off.name),
		verdicts: []verdict{{
			goal:     "event_id: at most 0.25 CPU s per million",
			measured: more.text("%+.2f"),
			holds:    more.median <= 0.25,
		}},
	}, nil
}
