// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
)

// suite measures one property of the output and compares it with its goals.
type suite struct {
	name string
	run  func(ctx context.Context, b *bench) (section, error)
}

// suites are in the order of the report.
var suites = []suite{
	{"cost", measureCost},
	{"distribution", measureDistribution},
	{"earlier", measureEarlier},
	{"peers", measurePeers},
	{"many", measureMany},
	{"idle", measureIdle},
	{"start", measureStart},
	{"memory", measureMemory},
	{"collector", measureCollector},
	{"latency", measureLatency},
	{"slowlink", measureSlowLink},
	{"connections", measureConnections},
	{"batches", measureBatches},
	{"sizes", measureSizes},
	{"compression", measureCompression},
	{"ids", measureIDs},
}

// section is a suite's part of the report.
type section struct {
	title    string
	text     string // what was measured and how, one paragraph
	table    string // Markdown
	verdicts []verdict
	plot     *plot // nil for none
}

// verdict is a goal and whether it holds.
type verdict struct {
	goal     string
	measured string
	holds    bool
}

func suiteNames() []string {
	names := make([]string, len(suites))
	for i, s := range suites {
		names[i] = s.name
	}
	return names
}

func selectSuites(list string) ([]suite, error) {
	if list == "all" {
		return suites, nil
	}
	var selected []suite
	for name := range strings.SplitSeq(list, ",") {
		i := slices.IndexFunc(suites, func(s suite) bool { return s.name == name })
		if i < 0 {
			return nil, fmt.Errorf("no suite %q, there are: %s", name, strings.Join(suiteNames(), ", "))
		}
		selected = append(selected, suites[i])
	}
	return selected, nil
}

// compare runs every case once a round. Rounds alternate in direction.
func (b *bench) compare(ctx context.Context, cases []testCase) (results, error) {
	all := results{}
	order := slices.Clone(cases)
	for round := range b.rounds {
		for _, c := range order {
			m, err := b.run(ctx, c, nil, nil)
			if err != nil {
				return nil, fmt.Errorf("case %s: %w", c.name, err)
			}
			all[c.name] = append(all[c.name], m)
			fmt.Fprintf(os.Stderr, "round %d  %-42s %7.0f events/s %6.2f CPU s per million %4.0f MiB\n",
				round+1, c.name, m.eventsPerSecond, m.cpuPerMillion, m.peakRSS)
		}
		slices.Reverse(order)
	}
	return all, nil
}
