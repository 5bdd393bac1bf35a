// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// The goal for the default format and confirmation.
const (
	goalCase = "json"
	goalCPU  = 3.0 // s per million events more than the baseline
)

// results has the measurements of each case, by round.
type results map[string][]measurement

// spread is the middle and the ends of some values.
type spread struct{ median, least, most float64 }

func spreadOf(values []float64) spread {
	if len(values) == 0 {
		return spread{}
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	median := sorted[middle]
	if len(sorted)%2 == 0 {
		median = (sorted[middle-1] + median) / 2
	}
	return spread{median, sorted[0], sorted[len(sorted)-1]}
}

// text writes the values with a verb, such as %.1f.
func (s spread) text(verb string) string {
	if s == (spread{}) {
		return "-"
	}
	return fmt.Sprintf(verb+" ("+verb+"..."+verb+")", s.median, s.least, s.most)
}

func (r results) spread(name string, value func(measurement) float64) spread {
	var values []float64
	for _, m := range r[name] {
		values = append(values, value(m))
	}
	return spreadOf(values)
}

// versus combines each measurement of a case with the baseline's of the same
// round.
func (r results) versus(name string, combine func(m, base measurement) float64) spread {
	var values []float64
	for round, base := range r[baseline] {
		values = append(values, combine(r[name][round], base))
	}
	return spreadOf(values)
}

func moreCPU(m, base measurement) float64  { return m.cpuPerMillion - base.cpuPerMillion }
func timesCPU(m, base measurement) float64 { return m.cpuPerMillion / base.cpuPerMillion }

// write writes the table in Markdown. Every case has as many measurements as the
// others.
func (r results) write(w io.Writer, selected []testCase) error {
	var b strings.Builder
	b.WriteString("| case | events/s | CPU s per million | more than " + baseline + " | times " + baseline + " | peak RSS MiB | bytes per event |\n")
	b.WriteString("|---|---|---|---|---|---|---|\n")
	for _, c := range selected {
		more, times := spread{}, spread{}
		if c.name != baseline {
			more, times = r.versus(c.name, moreCPU), r.versus(c.name, timesCPU)
		}
		columns := []string{
			c.name,
			r.spread(c.name, func(m measurement) float64 { return m.eventsPerSecond }).text("%.0f"),
			r.spread(c.name, func(m measurement) float64 { return m.cpuPerMillion }).text("%.2f"),
			more.text("%+.2f"),
			times.text("%.2f"),
			r.spread(c.name, func(m measurement) float64 { return m.peakRSS }).text("%.0f"),
			r.spread(c.name, func(m measurement) float64 { return m.bytesPerEvent }).text("%.0f"),
		}
		b.WriteString("| " + strings.Join(columns, " | ") + " |\n")
	}
	if len(r[goalCase]) > 0 && len(r[baseline]) > 0 {
		more, verdict := r.versus(goalCase, moreCPU).median, "holds"
		if more > goalCPU {
			verdict = "does not hold"
		}
		fmt.Fprintf(&b, "\nGoal: %s costs at most %.1f CPU s per million events more than %s. It %s: %+.2f.\n",
			goalCase, goalCPU, baseline, verdict, more)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
