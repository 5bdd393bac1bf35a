// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSpread(t *testing.T) {
	for name, test := range map[string]struct {
		values []float64
		verb   string
		want   string
	}{
		"no value":                {nil, "%.1f", "-"},
		"one value":               {[]float64{2}, "%.1f", "2.0 (2.0...2.0)"},
		"odd: the middle":         {[]float64{9, 1, 5}, "%.1f", "5.0 (1.0...9.0)"},
		"even: the average":       {[]float64{4, 1, 2, 9}, "%.1f", "3.0 (1.0...9.0)"},
		"a unit is written once":  {[]float64{4}, "%.0f MiB", "4 MiB (4...4)"},
		"a sign stands with each": {[]float64{4, -1, 2}, "%+.1f", "+2.0 (-1.0...+4.0)"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, test.want, spreadOf(test.values).text(test.verb))
		})
	}
}

// The machine is twice as slow in the second round.
var twoRounds = results{
	"discard": {{eventsPerSecond: 100_000, cpuPerMillion: 10, peakRSS: 80}, {eventsPerSecond: 50_000, cpuPerMillion: 20, peakRSS: 90}},
	"json": {
		{eventsPerSecond: 80_000, cpuPerMillion: 12, peakRSS: 90, bytesPerEvent: 670, wirePerEvent: 678},
		{eventsPerSecond: 40_000, cpuPerMillion: 24, peakRSS: 90, bytesPerEvent: 670, wirePerEvent: 678},
	},
}

func TestTableComparesWithinARound(t *testing.T) {
	table := twoRounds.table([]testCase{{name: "discard"}, {name: "json"}}, "discard")
	require.Contains(t, table, "| discard | 75000 (50000...100000) | 15.00 (10.00...20.00) | - | - | 85 (80...90) | - | - |\n")
	require.Contains(t, table,
		"| json | 60000 (40000...80000) | 18.00 (12.00...24.00) | +3.00 (+2.00...+4.00) | 1.20 (1.20...1.20) | 90 (90...90) | 670 | 678 |\n")
}

func TestReportSaysWhichGoalsHold(t *testing.T) {
	text := report("a machine\n\n", []section{
		{title: "One", text: "How.", table: "| a |\n|---|\n| b |\n\n", verdicts: []verdict{{"less than 2", "1", true}}},
		{title: "Two", text: "How.", table: "| c |\n|---|\n| d |\n\n", verdicts: []verdict{{"less than 3", "4", false}}, plot: &plot{name: "two", title: "Two by x"}},
	}, "images")
	require.Equal(t, `a machine

| goal | measured | holds |
|---|---|---|
| less than 2 | 1 | yes |
| less than 3 | 4 | **no** |

### One

How.

| a |
|---|
| b |

### Two

How.

| c |
|---|
| d |

![Two by x](images/performance-two.svg)
`, text)
}

func TestPlotIsXMLWithAPointForEachValue(t *testing.T) {
	p := twoRounds.plot("x", "By x", "x", []testCase{{name: "discard"}, {name: "json"}}, []float64{1, 2})
	image := p.svg()
	require.Equal(t, 4, strings.Count(image, "<circle"), "two panels of two points")
	for decoder := xml.NewDecoder(strings.NewReader(image)); ; {
		_, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
	}
}

func TestSelectSuitesNamesTheUnknownOne(t *testing.T) {
	_, err := selectSuites("cost,cots")
	require.ErrorContains(t, err, `no suite "cots"`)
	all, err := selectSuites("all")
	require.NoError(t, err)
	require.Len(t, all, len(suites))
}

func TestLinesHaveTheirLength(t *testing.T) {
	for name, l := range loads(1_000_000) {
		for _, seq := range []int{1, 999_999} {
			require.Len(t, l.line(seq), l.lineBytes, "%s, line %d", name, seq)
		}
	}
}
