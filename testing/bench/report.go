// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
	"strings"
)

// results has the measurements of each case, by round.
type results map[string][]measurement

// spread has the median and the extremes of some values.
type spread struct{ median, min, max float64 }

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

// text formats the values with a verb such as "%.1f MiB", and writes the unit once.
func (s spread) text(verb string) string {
	if s == (spread{}) {
		return "-"
	}
	number, unit, _ := strings.Cut(verb, " ")
	if unit != "" {
		unit = " " + unit
	}
	return fmt.Sprintf(number+unit+" ("+number+"..."+number+")", s.median, s.min, s.max)
}

func (r results) spread(name string, value func(measurement) float64) spread {
	var values []float64
	for _, m := range r[name] {
		values = append(values, value(m))
	}
	return spreadOf(values)
}

// versus combines each measurement of a case with that of another case in the
// same round.
func (r results) versus(name, baseline string, combine func(m, base measurement) float64) spread {
	var values []float64
	for round, base := range r[baseline] {
		values = append(values, combine(r[name][round], base))
	}
	return spreadOf(values)
}

func moreCPU(m, base measurement) float64  { return m.cpuPerMillion - base.cpuPerMillion }
func timesCPU(m, base measurement) float64 { return m.cpuPerMillion / base.cpuPerMillion }

// table returns the cases in Markdown, compared with one of them.
func (r results) table(cases []testCase, baseline string) string {
	var b strings.Builder
	b.WriteString("| | events/s | CPU s per million | more than the first | times the first | peak RSS MiB | bytes per event | on the wire |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|\n")
	for _, c := range cases {
		more, times := spread{}, spread{}
		if c.name != baseline {
			more, times = r.versus(c.name, baseline, moreCPU), r.versus(c.name, baseline, timesCPU)
		}
		columns := []string{
			c.name,
			r.spread(c.name, func(m measurement) float64 { return m.eventsPerSecond }).text("%.0f"),
			r.spread(c.name, func(m measurement) float64 { return m.cpuPerMillion }).text("%.2f"),
			more.text("%+.2f"),
			times.text("%.2f"),
			r.spread(c.name, func(m measurement) float64 { return m.peakRSS }).text("%.0f"),
			r.middle(c.name, func(m measurement) float64 { return m.bytesPerEvent }),
			r.middle(c.name, func(m measurement) float64 { return m.wirePerEvent }),
		}
		b.WriteString("| " + strings.Join(columns, " | ") + " |\n")
	}
	return b.String() + "\n"
}

// middle returns the median alone, for values that do not vary.
func (r results) middle(name string, value func(measurement) float64) string {
	if median := r.spread(name, value).median; median > 0 {
		return fmt.Sprintf("%.0f", median)
	}
	return "-"
}

// goals returns the table of all goals.
func goals(sections []section) string {
	var b strings.Builder
	b.WriteString("| goal | measured | holds |\n|---|---|---|\n")
	for _, s := range sections {
		for _, v := range s.verdicts {
			holds := "yes"
			if !v.holds {
				holds = "**no**"
			}
			fmt.Fprintf(&b, "| %s | %s | %s |\n", v.goal, v.measured, holds)
		}
	}
	return b.String()
}

// report returns everything in Markdown.
func report(head string, sections []section, images string) string {
	var b strings.Builder
	b.WriteString(head + goals(sections))
	for _, s := range sections {
		fmt.Fprintf(&b, "\n### %s\n\n%s\n\n%s\n", s.title, s.text, strings.TrimRight(s.table, "\n"))
		if s.plot != nil && images != "" {
			fmt.Fprintf(&b, "\n![%s](%s/%s)\n", s.plot.title, images, s.plot.file())
		}
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}
