// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"fmt"
	"strings"
	"time"
)

// panel is one of the plots that stand above each other on a common time axis.
type panel struct {
	title   string
	seconds []second
}

// Lengths of the plot in pixels.
const (
	plotWidth   = 760
	plotLeft    = 70 // of the panels, with room for the numbers of the y axis
	plotRight   = 20
	plotTop     = 86 // title and legend
	panelHeight = 96
	panelGap    = 44
	plotBottom  = 52 // numbers and name of the time axis
)

const (
	refusedColour  = "#d9822b"
	acceptedColour = "#1f5fa8"
)

// drawHerd returns an SVG image. The white ground makes it readable on a dark
// page too.
func drawHerd(title string, away time.Duration, panels []panel) string {
	longest := 0
	for _, p := range panels {
		longest = max(longest, len(p.seconds))
	}
	step := 10
	if longest > 100 {
		step = 20
	}
	until := (longest + step - 1) / step * step
	x := func(seconds float64) float64 {
		return plotLeft + seconds*(plotWidth-plotLeft-plotRight)/float64(until)
	}
	height := plotTop + len(panels)*(panelHeight+panelGap) - panelGap + plotBottom
	bottom := height - plotBottom

	var svg strings.Builder
	fmt.Fprintf(&svg, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" font-family="system-ui, sans-serif" font-size="12" fill="#222">`+"\n",
		plotWidth, height, plotWidth, height)
	fmt.Fprintf(&svg, "<title>%s: attempts to connect per second</title>\n", title)
	svg.WriteString(`<rect width="100%" height="100%" fill="#fff"/>` + "\n")
	fmt.Fprintf(&svg, `<text x="%d" y="24" font-size="15" font-weight="600">%s</text>`+"\n", plotLeft, title)
	legend(&svg, plotLeft, acceptedColour, "attempts accepted")
	legend(&svg, plotLeft+170, refusedColour, "attempts refused")
	fmt.Fprintf(&svg, `<path d="M%d 46h14" stroke="#222" stroke-dasharray="4 3"/><text x="%d" y="50">the server is back</text>`+"\n", plotLeft+340, plotLeft+362)

	for i, p := range panels {
		p.draw(&svg, plotTop+i*(panelHeight+panelGap), x)
	}
	fmt.Fprintf(&svg, `<path d="M%.1f %dV%d" stroke="#222" stroke-dasharray="4 3" fill="none"/>`+"\n", x(away.Seconds()), plotTop, bottom)
	for at := 0; at <= until; at += step {
		fmt.Fprintf(&svg, `<text x="%.1f" y="%d" text-anchor="middle">%d</text>`+"\n", x(float64(at)), bottom+18, at)
	}
	fmt.Fprintf(&svg, `<text x="%.1f" y="%d" text-anchor="middle">seconds since the server was lost</text>`+"\n", x(float64(until)/2), bottom+40)
	svg.WriteString("</svg>\n")
	return svg.String()
}

func legend(svg *strings.Builder, x int, colour, text string) {
	fmt.Fprintf(svg, `<rect x="%d" y="40" width="12" height="12" fill="%s"/><text x="%d" y="50">%s</text>`+"\n", x, colour, x+18, text)
}

// draw draws the panel below the line top: refused attempts on those accepted.
func (p panel) draw(svg *strings.Builder, top int, x func(float64) float64) {
	highest := ceiling(peak(p.seconds, second.attempts))
	bottom := float64(top + panelHeight)
	y := func(count int) float64 { return bottom - float64(count*panelHeight)/float64(highest) }

	fmt.Fprintf(svg, `<text x="%d" y="%d" font-weight="600">%s</text>`+"\n", plotLeft, top-8,
		fmt.Sprintf("%s, at most %d attempts in one second", p.title, peak(p.seconds, second.attempts)))
	for _, tick := range []int{0, highest / 2, highest} {
		fmt.Fprintf(svg, `<path d="M%d %.1fH%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%d</text>`+"\n",
			plotLeft, y(tick), plotWidth-plotRight, plotLeft-6, y(tick)+4, tick)
	}
	fmt.Fprintf(svg, `<text transform="translate(16 %d) rotate(-90)" text-anchor="middle">per second</text>`+"\n", top+panelHeight/2)
	area := func(colour string, floor, roof func(second) int) {
		fmt.Fprintf(svg, `<path fill="%s" d="`, colour)
		for at, s := range p.seconds {
			if low, high := floor(s), roof(s); high > low {
				fmt.Fprintf(svg, "M%.1f %.1fV%.1fH%.1fV%.1fz", x(float64(at)), y(low), y(high), x(float64(at+1)), y(low))
			}
		}
		svg.WriteString("\"/>\n")
	}
	accepted := func(s second) int { return s.accepted }
	area(acceptedColour, func(second) int { return 0 }, accepted)
	area(refusedColour, accepted, second.attempts)
	fmt.Fprintf(svg, `<path d="M%d %dV%.1fH%d" stroke="#222" fill="none"/>`+"\n", plotLeft, top, bottom, plotWidth-plotRight)
}

// ceiling returns the end of an axis that count fits on.
func ceiling(count int) int {
	for unit := 1; ; unit *= 10 {
		for _, end := range []int{2, 4, 6, 10} {
			if end*unit >= count {
				return end * unit
			}
		}
	}
}
