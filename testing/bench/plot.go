// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
	"strings"
)

// plot shows events/s and CPU per event over the values of one variable.
type plot struct {
	name, title, axis string
	values            []float64 // of the variable, rising
	throughput, cpu   []spread  // one for each
}

func (r results) plot(name, title, axis string, cases []testCase, values []float64) *plot {
	p := &plot{name: name, title: title, axis: axis, values: values}
	for _, c := range cases {
		p.throughput = append(p.throughput, r.spread(c.name, func(m measurement) float64 { return m.eventsPerSecond }))
		p.cpu = append(p.cpu, r.spread(c.name, func(m measurement) float64 { return m.cpuPerMillion }))
	}
	return p
}

func (p *plot) file() string { return "performance-" + p.name + ".svg" }

// Lengths of a plot in pixels.
const (
	plotWidth   = 760
	plotLeft    = 80
	plotRight   = 20
	plotTop     = 64
	panelHeight = 150
	panelGap    = 50
	plotBottom  = 56
)

// svg returns the image: two panels, one above the other, with the values at even
// distances. The white background keeps it readable on a dark page.
func (p *plot) svg() string {
	height := plotTop + 2*panelHeight + panelGap + plotBottom
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" font-family="system-ui, sans-serif" font-size="12" fill="#222">`+"\n",
		plotWidth, height, plotWidth, height)
	fmt.Fprintf(&b, "<title>%s</title>\n", p.title)
	b.WriteString(`<rect width="100%" height="100%" fill="#fff"/>` + "\n")
	fmt.Fprintf(&b, `<text x="%d" y="24" font-size="15" font-weight="600">%s</text>`+"\n", plotLeft, p.title)
	p.panel(&b, plotTop, "events/s", "#1f5fa8", p.throughput)
	p.panel(&b, plotTop+panelHeight+panelGap, "CPU s per million events", "#b5541c", p.cpu)
	for i, value := range p.values {
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="middle">%.0f</text>`+"\n", p.x(i), height-plotBottom+18, value)
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">%s</text>`+"\n", (plotLeft+plotWidth-plotRight)/2, height-14, p.axis)
	b.WriteString("</svg>\n")
	return b.String()
}

func (p *plot) x(i int) float64 {
	width := float64(plotWidth - plotLeft - plotRight)
	return plotLeft + width*(float64(i)+0.5)/float64(len(p.values))
}

// panel draws the medians as a line and the spreads as bars.
func (p *plot) panel(b *strings.Builder, top int, title, colour string, spreads []spread) {
	highest := 0.0
	for _, s := range spreads {
		highest = max(highest, s.max)
	}
	highest = axisEnd(highest)
	bottom := float64(top + panelHeight)
	y := func(value float64) float64 { return bottom - value/highest*panelHeight }
	fmt.Fprintf(b, `<text x="%d" y="%d" font-weight="600">%s</text>`+"\n", plotLeft, top-8, title)
	for _, tick := range []float64{0, highest / 2, highest} {
		fmt.Fprintf(b, `<path d="M%d %.1fH%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%g</text>`+"\n",
			plotLeft, y(tick), plotWidth-plotRight, plotLeft-6, y(tick)+4, tick)
	}
	points := make([]string, len(spreads))
	for i, s := range spreads {
		points[i] = fmt.Sprintf("%.1f,%.1f", p.x(i), y(s.median))
		fmt.Fprintf(b, `<path d="M%.1f %.1fV%.1f" stroke="%s" stroke-width="2" opacity=".4"/><circle cx="%.1f" cy="%.1f" r="3.5" fill="%s"/>`+"\n",
			p.x(i), y(s.min), y(s.max), colour, p.x(i), y(s.median), colour)
	}
	fmt.Fprintf(b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="1.5"/>`+"\n", strings.Join(points, " "), colour)
}

// axisEnd returns a round number that is not below the value.
func axisEnd(value float64) float64 {
	for unit := 1.0; ; unit *= 10 {
		if i := slices.IndexFunc([]float64{1, 2, 4, 6, 8}, func(end float64) bool { return end*unit >= value }); i >= 0 {
			return []float64{1, 2, 4, 6, 8}[i] * unit
		}
	}
}
