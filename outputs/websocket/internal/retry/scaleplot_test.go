// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package retry

import (
	"fmt"
	"strings"
)

// curve is a line of a plot: a value for each second.
type curve struct {
	label, colour string
	values        []float64
}

// panel is a plot in a plot.
type panel struct {
	title  string
	curves []curve
}

const (
	plotWidth   = 760
	plotLeft    = 70
	plotRight   = 170
	plotTop     = 60
	panelHeight = 150
	panelGap    = 46
	plotBottom  = 50
)

// drawSeconds returns an image of panels above one another, with seconds at the bottom.
// The white background keeps it readable on a dark page.
func drawSeconds(title string, seconds int, panels []panel) string {
	height := plotTop + len(panels)*(panelHeight+panelGap) - panelGap + plotBottom
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" font-family="system-ui, sans-serif" font-size="12" fill="#222">`+"\n",
		plotWidth, height, plotWidth, height)
	fmt.Fprintf(&b, "<title>%s</title>\n"+`<rect width="100%%" height="100%%" fill="#fff"/>`+"\n", title)
	fmt.Fprintf(&b, `<text x="%d" y="24" font-size="15" font-weight="600">%s</text>`+"\n", plotLeft, title)
	x := func(second float64) float64 {
		return plotLeft + second/float64(seconds)*(plotWidth-plotLeft-plotRight)
	}
	for number, p := range panels {
		top := float64(plotTop + number*(panelHeight+panelGap))
		bottom := top + panelHeight
		highest := 0.0
		for _, c := range p.curves {
			for _, value := range c.values {
				highest = max(highest, value)
			}
		}
		fmt.Fprintf(&b, `<text x="%d" y="%.0f" font-weight="600">%s</text>`+"\n", plotLeft, top-8, p.title)
		for _, tick := range []float64{0, highest / 2, highest} {
			y := bottom - tick/max(highest, 1e-9)*panelHeight
			fmt.Fprintf(&b, `<path d="M%d %.1fH%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%.4g</text>`+"\n",
				plotLeft, y, plotWidth-plotRight, plotLeft-6, y+4, tick)
		}
		for i, c := range p.curves {
			points := make([]string, len(c.values))
			for second, value := range c.values {
				points[second] = fmt.Sprintf("%.1f,%.1f", x(float64(second)+0.5), bottom-value/max(highest, 1e-9)*panelHeight)
			}
			fmt.Fprintf(&b, `<polyline fill="none" stroke="%s" stroke-width="1.5" points="%s"/>`+"\n", c.colour, strings.Join(points, " "))
			fmt.Fprintf(&b, `<text x="%d" y="%.0f" fill="%s">%s</text>`+"\n", plotWidth-plotRight+10, top+14+float64(i)*16, c.colour, c.label)
		}
	}
	for _, second := range []int{0, seconds / 4, seconds / 2, seconds * 3 / 4, seconds} {
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="middle">%d</text>`+"\n", x(float64(second)), height-plotBottom+18, second)
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">seconds after the outage</text>`+"\n</svg>\n", (plotLeft+plotWidth-plotRight)/2, height-12)
	return b.String()
}
