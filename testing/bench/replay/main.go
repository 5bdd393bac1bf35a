// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"flag"
	"fmt"
	"math"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"filebeat-websocket/testing/beattest"
)

// Goals with a sync before each ack, on two cores.
const (
	goalRecords = 250_000 // of 200 bytes per second
	goalCPU     = 0.3     // seconds per million of them
	goalIdle    = 40      // MiB with idleConnections
)

type settings struct {
	receiver string
	folder   string
	gogc     string
	length   time.Duration
	rounds   int
	only     string

	engines    bool
	processors string
}

func main() {
	s := settings{}
	flag.StringVar(&s.receiver, "receiver", "./wsreceiver", "`binary` to measure")
	flag.StringVar(&s.folder, "folder", "", "`folder` on the disk to write to; by default, the folder for temporary files")
	flag.StringVar(&s.gogc, "gogc", "", "GOGC of the receiver, as a `percentage`; empty for the receiver's own")
	flag.DurationVar(&s.length, "length", 10*time.Second, "`duration` for which each run sends")
	flag.IntVar(&s.rounds, "rounds", 3, "`number` of runs of each case")
	flag.StringVar(&s.only, "cases", "", "regular `expression` for the names of the cases to run; empty runs all")
	engineFlags(&s)
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	isChild, err := child(ctx, flag.Args())
	if !isChild {
		err = measure(ctx, s)
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "replay:", err)
		os.Exit(1)
	}
}

// measure writes the report to standard output and progress to standard error.
func measure(ctx context.Context, s settings) error {
	expression, err := regexp.Compile(s.only)
	if err != nil {
		return err
	}
	version, err := exec.CommandContext(ctx, s.receiver, "--version").Output()
	if err != nil {
		return fmt.Errorf("%s --version: %w (make it with: go tool mage build)", s.receiver, err)
	}
	fmt.Printf("# wsreceiver: records per second\n\n    go run ./testing/bench/replay %s\n\n", strings.Join(os.Args[1:], " "))
	fmt.Printf("- %s, %d rounds of %v each\n- %s\n%s\n",
		time.Now().UTC().Format("2006-01-02 15:04 UTC"), s.rounds, s.length, strings.TrimSpace(string(version)), beattest.Machine())
	if s.engines {
		return measureEngines(ctx, s, expression)
	}
	fmt.Print("| case | records/s | p50 write to ack | p99 | CPU s per million | peak RSS MiB |\n|---|---|---|---|---|---|\n")
	best, cheapest := 0.0, math.Inf(1)
	for _, c := range cases {
		if !expression.MatchString(c.name) {
			continue
		}
		var all []measurement
		for round := range s.rounds {
			m, err := run(ctx, s, c)
			if err != nil {
				return fmt.Errorf("case %s: %w", c.name, err)
			}
			fmt.Fprintf(os.Stderr, "round %d %-36s %s\n", round+1, c.name, row([]measurement{m}))
			all = append(all, m)
		}
		fmt.Printf("| %s %s\n", c.name, row(all))
		if c.recordBytes == 200 && c.connections < 10 && !c.ids {
			best = max(best, median(all, func(m measurement) float64 { return m.recordsPerSecond }))
			cheapest = min(cheapest, median(all, func(m measurement) float64 { return m.cpuPerMillion }))
		}
	}
	idle, err := idleMemory(ctx, s)
	if err != nil {
		return fmt.Errorf("idle connections: %w", err)
	}
	fmt.Print("\n| goal | measured | holds |\n|---|---|---|\n")
	verdict := func(goal, measured string, holds bool) {
		fmt.Printf("| %s | %s | %s |\n", goal, measured, map[bool]string{true: "yes", false: "**no**"}[holds])
	}
	verdict(fmt.Sprintf("%d records of 200 bytes a second", goalRecords), fmt.Sprintf("%.0f", best), best >= goalRecords)
	verdict(fmt.Sprintf("at most %.1f CPU s per million records of 200 bytes", goalCPU), fmt.Sprintf("%.2f", cheapest), cheapest <= goalCPU)
	verdict(fmt.Sprintf("%d idle connections: under %d MiB", idleConnections, goalIdle), fmt.Sprintf("%.0f MiB", idle), idle < goalIdle)
	return nil
}

// row formats the medians, and the smallest and the largest of records/s.
func row(all []measurement) string {
	perSecond := func(m measurement) float64 { return m.recordsPerSecond }
	ends := make([]float64, len(all))
	for i, m := range all {
		ends[i] = m.recordsPerSecond
	}
	milliseconds := func(of func(m measurement) time.Duration) float64 {
		return median(all, func(m measurement) float64 { return float64(of(m)) / float64(time.Millisecond) })
	}
	return fmt.Sprintf("| %.0f (%.0f...%.0f) | %.1f ms | %.1f ms | %.2f | %.0f |",
		median(all, perSecond), slices.Min(ends), slices.Max(ends),
		milliseconds(func(m measurement) time.Duration { return m.p50 }), milliseconds(func(m measurement) time.Duration { return m.p99 }),
		median(all, func(m measurement) float64 { return m.cpuPerMillion }), median(all, func(m measurement) float64 { return m.peakRSS }))
}

func median(all []measurement, of func(measurement) float64) float64 {
	values := make([]float64, len(all))
	for i, m := range all {
		values[i] = of(m)
	}
	slices.Sort(values)
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}
