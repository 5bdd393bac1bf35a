// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"

	"filebeat-websocket/testing/beattest"
)

type settings struct {
	binary  string
	lines   int
	rounds  int
	cases   string
	profile string
}

func main() {
	var s settings
	flag.StringVar(&s.binary, "filebeat", "./filebeat", "`binary` to measure")
	flag.IntVar(&s.lines, "lines", 1_000_000, fmt.Sprintf("`number` of lines of %d bytes", beattest.LineBytes))
	flag.IntVar(&s.rounds, "rounds", 5, "`number` of runs of each case")
	flag.StringVar(&s.cases, "cases", baseline+","+goalCase, "comma-separated `names`, or all: "+strings.Join(caseNames(), ", "))
	flag.StringVar(&s.profile, "profile", "", "`file` for a CPU profile of a further run, of the first WebSocket case")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := measure(ctx, s)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// measure writes the report to standard output and progress to standard error.
func measure(ctx context.Context, s settings) (err error) {
	selected, err := selectCases(s.cases)
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "bench-lines-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	b := &bench{filebeat: s.binary, logFile: filepath.Join(folder, "lines.log"), lines: s.lines, sink: startSink()}
	defer b.sink.server.Close()
	if err := b.writeLines(); err != nil {
		return err
	}

	if s.rounds > 0 {
		if err := writeMachine(ctx, os.Stdout, s); err != nil {
			return err
		}
		all, err := b.rounds(ctx, selected, s.rounds)
		if err != nil {
			return err
		}
		if err := all.write(os.Stdout, selected); err != nil {
			return err
		}
	}
	if s.profile != "" {
		return b.profile(ctx, selected, s.profile)
	}
	return nil
}

func (b *bench) writeLines() error {
	file, err := os.Create(b.logFile)
	if err != nil {
		return err
	}
	return errors.Join(beattest.WriteLines(file, 1, b.lines), file.Close())
}

func (b *bench) rounds(ctx context.Context, selected []testCase, rounds int) (results, error) {
	all := results{}
	order := slices.Clone(selected)
	for round := range rounds {
		for _, c := range order {
			m, err := b.run(ctx, c, nil)
			if err != nil {
				return nil, fmt.Errorf("case %s: %w", c.name, err)
			}
			all[c.name] = append(all[c.name], m)
			fmt.Fprintf(os.Stderr, "round %d %-10s %7.0f events/s %6.2f CPU s per million %4.0f MiB\n",
				round+1, c.name, m.eventsPerSecond, m.cpuPerMillion, m.peakRSS)
		}
		slices.Reverse(order)
	}
	return all, nil
}
