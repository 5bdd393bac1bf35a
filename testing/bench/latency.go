// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"filebeat-websocket/testing/beattest"
)

const (
	latencyRate    = 1000 // lines per second
	latencySeconds = 20
	// latencyWarmUp is not counted: filebeat finds the file in it.
	latencyWarmUp = 3 * time.Second
)

// arrivals measures the age of the lines that arrive.
type arrivals struct {
	mutex sync.Mutex
	begun time.Time
	ages  []time.Duration
	all   int
}

var stampMark = []byte("written=")

// line is called when a record arrives; its line says when it was written.
func (a *arrivals) line(record []byte) {
	now := time.Now()
	_, rest, found := bytes.Cut(record, stampMark)
	if !found || len(rest) < 19 {
		return
	}
	written, err := strconv.ParseInt(string(rest[:19]), 10, 64)
	if err != nil {
		return
	}
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.all++
	if at := time.Unix(0, written); at.Sub(a.begun) > latencyWarmUp {
		a.ages = append(a.ages, now.Sub(at))
	}
}

func (a *arrivals) count() int {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	return a.all
}

// measureLatency writes a log at a steady rate and measures when its lines arrive.
func measureLatency(ctx context.Context, b *bench) (_ section, err error) {
	folder, err := os.MkdirTemp("", "bench-latency-")
	if err != nil {
		return section{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	logFolder := filepath.Join(b.folder, "latency")
	if err := os.MkdirAll(logFolder, 0o755); err != nil {
		return section{}, err
	}
	// Beyond the fingerprint of the file's beginning, so that it is found at once.
	file, err := os.Create(filepath.Join(logFolder, "lines.log"))
	if err != nil {
		return section{}, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if err := beattest.WriteLines(file, 1, 10); err != nil {
		return section{}, err
	}

	arrived := &arrivals{begun: time.Now()}
	take := arrived.line
	b.sinks.lines.Store(&take)
	defer b.sinks.lines.Store(nil)
	p, err := b.start(ctx, testCase{base: shippedFile, load: "latency", output: "websocket"}, folder)
	if err != nil {
		return section{}, err
	}
	confirmation, err := p.writeSteadily(ctx, file, arrived)
	if err = p.end(err); err != nil {
		return section{}, err
	}

	slices.Sort(arrived.ages)
	if len(arrived.ages) < latencyRate*(latencySeconds-5) {
		return section{}, fmt.Errorf("only %d lines arrived", len(arrived.ages))
	}
	age := func(part float64) float64 {
		return float64(arrived.ages[int(part*float64(len(arrived.ages)-1))].Microseconds()) / 1000
	}
	confirmationMillis := float64(confirmation) / 1000
	return section{
		title: "Latency",
		text: fmt.Sprintf("%d lines per second, the shipped file. The age of a line is taken when its message is read at the server; "+
			"the time of a confirmation is the output's own `confirmation.latency_us`: from the last byte of a batch to the Pong.", latencyRate),
		table: fmt.Sprintf("| from a line's write to its arrival | ms |\n|---|---|\n| p50 | %.0f |\n| p99 | %.0f |\n| longest | %.0f |\n\n", age(0.5), age(0.99), age(1)),
		verdicts: []verdict{
			{goal: "p99 from write to arrival under 250 ms", measured: fmt.Sprintf("%.0f ms", age(0.99)), holds: age(0.99) < 250},
			{goal: "p50 from write to confirmation under 2 ms", measured: fmt.Sprintf("%.2f ms", confirmationMillis), holds: confirmationMillis < 2},
		},
	}, nil
}

// writeSteadily returns the median of the confirmations' latency in µs, after all
// lines have arrived.
func (p *process) writeSteadily(ctx context.Context, file *os.File, arrived *arrivals) (int, error) {
	const perTick = latencyRate / 100
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	written := 0
	for written < latencyRate*latencySeconds {
		select {
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		case <-p.Done():
			return 0, beattest.ErrEnded
		case <-tick.C:
		}
		var lines bytes.Buffer
		for range perTick {
			written++
			fmt.Fprintf(&lines, "%s written=%d\n", beattest.Line(written)[:150], time.Now().UnixNano())
		}
		if _, err := file.Write(lines.Bytes()); err != nil {
			return 0, err
		}
	}
	for deadline := time.Now().Add(stallTimeout); arrived.count() < written; {
		if time.Now().After(deadline) {
			return 0, fmt.Errorf("%d of %d lines arrived", arrived.count(), written)
		}
		<-tick.C
	}
	return beattest.ReadStat(ctx, socket(p.folder), "libbeat.output.websocket.confirmation.latency_us.histogram.median")
}
