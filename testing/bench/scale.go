// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"time"
)

const slowRoundTrip = 100 * time.Millisecond

// slowBatch is so small that a window of 8 of them fits into the queue and the
// link, not the CPU, is the limit.
const slowBatch = 400

// measureSlowLink compares windows of one and eight batches over a long link.
func measureSlowLink(ctx context.Context, b *bench) (section, error) {
	narrow := testCase{
		name: "pipelining 1", base: shippedFile, load: "long", output: "websocket", delay: true,
		set: map[string]any{"pipelining": 1, "batch_size": slowBatch},
	}
	wide := narrow
	wide.name, wide.set = "pipelining 8", map[string]any{"pipelining": 8, "batch_size": slowBatch}
	cases := []testCase{narrow, wide}
	all, err := b.compare(ctx, cases)
	if err != nil {
		return section{}, err
	}
	times := all.versus(wide.name, narrow.name, func(m, base measurement) float64 { return m.eventsPerSecond / base.eventsPerSecond })
	return section{
		title: "A slow link",
		text: fmt.Sprintf("A proxy adds %v to the round trip; the shipped file, batches of %d lines of 4 KiB.",
			slowRoundTrip, slowBatch),
		table: all.table(cases, narrow.name),
		verdicts: []verdict{{
			goal:     "pipelining 8: at least 6 times the throughput of pipelining 1",
			measured: times.text("%.1f"),
			holds:    times.median >= 6,
		}},
	}, nil
}

// measureConnections measures whether more connections cost more.
func measureConnections(ctx context.Context, b *bench) (section, error) {
	var cases []testCase
	for _, workers := range []int{1, 2, 4, 8} {
		cases = append(cases, testCase{
			name: fmt.Sprintf("%d connections", workers), base: shippedFile, output: "websocket",
			set: map[string]any{"workers": workers},
		})
	}
	all, err := b.compare(ctx, cases)
	if err != nil {
		return section{}, err
	}
	times := all.versus(cases[len(cases)-1].name, cases[0].name, timesCPU)
	return section{
		title: "Connections",
		text:  "The shipped file with more `workers` to one host.",
		table: all.table(cases, cases[0].name),
		plot:  all.plot("connections", "Throughput and CPU by connections", "connections", cases, []float64{1, 2, 4, 8}),
		verdicts: []verdict{{
			goal:     "CPU per event with 8 connections within 10 % of that with 1",
			measured: times.text("%.2f"),
			holds:    times.median <= 1.1,
		}},
	}, nil
}

// measureBatches measures how much the size of a batch matters.
func measureBatches(ctx context.Context, b *bench) (section, error) {
	sizes := []float64{50, 200, 800, 1600, 4096}
	var cases []testCase
	for _, size := range sizes {
		cases = append(cases, testCase{
			name: fmt.Sprintf("batches of %.0f", size), base: defaultQueue, output: "websocket",
			set: map[string]any{
				"batch_size": int(size),
				"queue.mem":  map[string]any{"events": 16384, "flush.min_events": 4096, "flush.timeout": "100ms"},
			},
		})
	}
	all, err := b.compare(ctx, cases)
	if err != nil {
		return section{}, err
	}
	times := all.versus(cases[0].name, cases[len(cases)-1].name, timesCPU)
	return section{
		title: "Batches",
		text:  "`batch_size` with a queue large enough for the largest batch: `queue.mem: {events: 16384, flush.min_events: 4096, flush.timeout: 100ms}`.",
		table: all.table(cases, cases[len(cases)-1].name),
		plot:  all.plot("batches", "Throughput and CPU by batch size", "events in a batch", cases, sizes),
		verdicts: []verdict{{
			goal:     "CPU per event with batches of 50 within 25 % of that with 4096",
			measured: times.text("%.2f"),
			holds:    times.median <= 1.25,
		}},
	}, nil
}

// measureSizes sends lines of different lengths and from many files.
func measureSizes(ctx context.Context, b *bench) (section, error) {
	var cases []testCase
	var sizes []float64
	for _, name := range []string{"access", "json", "kib", "long", "files"} {
		l := b.loads[name]
		label := fmt.Sprintf("lines of %d bytes", l.lineBytes)
		if l.files > 1 {
			label += fmt.Sprintf(" in %d files", l.files)
		} else {
			sizes = append(sizes, float64(l.lineBytes))
		}
		cases = append(cases, testCase{name: label, base: shippedFile, load: name, output: "websocket"})
	}
	all, err := b.compare(ctx, cases)
	if err != nil {
		return section{}, err
	}
	rate := all.spread(cases[3].name, func(m measurement) float64 { return m.eventsPerSecond * float64(b.loads["long"].lineBytes) / (1 << 20) })
	return section{
		title: "Lengths of lines",
		text:  "The shipped file. Lines of 350 bytes are JSON, which goes out as a string: every quote of it is escaped.",
		table: all.table(cases, cases[0].name),
		plot:  all.plot("sizes", "Throughput and CPU by length of line", "bytes in a line", cases[:len(sizes)], sizes),
		verdicts: []verdict{{
			goal:     "at least 100 MiB/s of lines of 4 KiB",
			measured: rate.text("%.0f MiB/s"),
			holds:    rate.median >= 100,
		}},
	}, nil
}

// measureCompression compares the bytes on the wire and the CPU time.
func measureCompression(ctx context.Context, b *bench) (section, error) {
	plain := testCase{name: "json_lines", base: shippedFile, output: "websocket", set: map[string]any{"format": "json_lines"}}
	cases := []testCase{plain}
	for _, level := range []int{1, 6} {
		cases = append(cases, testCase{
			name: fmt.Sprintf("json_lines, compression_level %d", level), base: shippedFile, output: "websocket",
			set: map[string]any{"format": "json_lines", "compression_level": level},
		})
	}
	all, err := b.compare(ctx, cases)
	if err != nil {
		return section{}, err
	}
	smaller := all.versus(plain.name, cases[1].name, func(m, base measurement) float64 { return m.wirePerEvent / base.wirePerEvent })
	more := all.versus(cases[1].name, plain.name, moreCPU)
	return section{
		title: "Compression",
		text:  "The shipped file, permessage-deflate.",
		table: all.table(cases, plain.name),
		verdicts: []verdict{
			{goal: "level 1: at least 8 times smaller", measured: smaller.text("%.1f"), holds: smaller.median >= 8},
			{goal: "level 1: at most 2.5 more CPU s per million", measured: more.text("%+.2f"), holds: more.median <= 2.5},
		},
	}, nil
}
