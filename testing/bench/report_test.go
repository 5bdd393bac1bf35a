// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSpread(t *testing.T) {
	for name, test := range map[string]struct {
		values []float64
		want   string
	}{
		"no value":          {nil, "-"},
		"one value":         {[]float64{2}, "2.0 (2.0...2.0)"},
		"odd: the middle":   {[]float64{9, 1, 5}, "5.0 (1.0...9.0)"},
		"even: the average": {[]float64{4, 1, 2, 9}, "3.0 (1.0...9.0)"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, test.want, spreadOf(test.values).text("%.1f"))
		})
	}
}

func TestReportComparesWithinARound(t *testing.T) {
	selected, err := selectCases("discard,json")
	require.NoError(t, err)
	// The machine is twice as slow in the second round.
	all := results{
		"discard": {{eventsPerSecond: 100_000, cpuPerMillion: 10, peakRSS: 80}, {eventsPerSecond: 50_000, cpuPerMillion: 20, peakRSS: 90}},
		"json": {
			{eventsPerSecond: 80_000, cpuPerMillion: 12, peakRSS: 90, bytesPerEvent: 670},
			{eventsPerSecond: 40_000, cpuPerMillion: 24, peakRSS: 90, bytesPerEvent: 670},
		},
	}
	var report strings.Builder
	require.NoError(t, all.write(&report, selected))
	require.Contains(t, report.String(), "| discard | 75000 (50000...100000) | 15.00 (10.00...20.00) | - | - | 85 (80...90) | - |\n")
	require.Contains(t, report.String(),
		"| json | 60000 (40000...80000) | 18.00 (12.00...24.00) | +3.00 (+2.00...+4.00) | 1.20 (1.20...1.20) | 90 (90...90) | 670 (670...670) |\n")
	require.Contains(t, report.String(), "It holds: +3.00.")

	all["json"][1].cpuPerMillion = 24.2
	report.Reset()
	require.NoError(t, all.write(&report, selected))
	require.Contains(t, report.String(), "It does not hold: +3.10.")
}

func TestReportWithoutTheBaselineHasNoComparison(t *testing.T) {
	selected, err := selectCases("json")
	require.NoError(t, err)
	var report strings.Builder
	require.NoError(t, results{"json": {{cpuPerMillion: 12}}}.write(&report, selected))
	require.Contains(t, report.String(), "| json | - | 12.00 (12.00...12.00) | - | - | - | - |\n")
	require.NotContains(t, report.String(), "Goal")
}

func TestSelectCasesNamesTheUnknownOne(t *testing.T) {
	_, err := selectCases("json,jsno")
	require.ErrorContains(t, err, `no case "jsno"`)
	all, err := selectCases("all")
	require.NoError(t, err)
	require.Len(t, all, len(cases))
}
