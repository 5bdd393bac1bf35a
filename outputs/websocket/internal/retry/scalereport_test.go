// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package retry

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// shortAgents is too few for the numbers of the document: only its words are compared.
const shortAgents = 2_000

var scaleAgents = flag.Int("scale.agents", shortAgents, "how many agents to simulate; 100000 with -update")

const (
	scaleFile    = "../../../../docs/scale.md"
	scalePlot    = "../../../../docs/scale-outages.svg"
	scaleSeconds = 300
)

// fleetOf is the fleet of docs/scale.md, with that many agents.
func fleetOf(agents int, init time.Duration) scale {
	return scale{
		agents: agents, receivers: 20,
		backoff:        Backoff{Init: init, Max: time.Minute},
		age:            15 * time.Minute,
		leastConn:      true,
		noticed:        3 * time.Second,
		accepts:        1000,
		connectTimeout: 30 * time.Second,
	}
}

// scenario is a row of the table.
type scenario struct {
	name   string
	outage outageOf
}

var scenarios = []scenario{
	{"nothing", outageOf{}},
	{"1 of 20 is killed", outageOf{receivers: 1}},
	{"1 of 20 gets SIGTERM, `--shutdown-delay 15s`", outageOf{receivers: 1, graceful: 15 * time.Second}},
	{"a zone, 7 of 20, is gone", outageOf{receivers: 7}},
	{"all at once, back after 30 s", outageOf{receivers: 20, away: 30 * time.Second}},
	{"all at once, back after 120 s", outageOf{receivers: 20, away: 120 * time.Second}},
}

func TestDocsShowTheOutagesOfAFleet(t *testing.T) {
	if *updateFlag {
		*scaleAgents = 100_000
	}
	random := rand.New(rand.NewPCG(1, 2))
	var table strings.Builder
	table.WriteString("| what goes | `backoff.init` | most attempts in one second | most connections accepted in one second | wait for a handshake, 99th percentile | most connections of a receiver, in even shares | 99 % are back after |\n|---|---|---|---|---|---|---|\n")
	colours := []string{"#777", "#1f5fa8", "#3f8f4f", "#b5541c", "#8a2f8f", "#c0392b"}
	connected, accepted := panel{title: "agents connected, %"}, panel{title: "connections accepted per second, backoff.init: 10s"}
	for i, one := range scenarios {
		for _, init := range []time.Duration{time.Second, 10 * time.Second} {
			s := fleetOf(*scaleAgents, init)
			c := s.run(one.outage, scaleSeconds, random)
			worst := 0.0
			for _, share := range c.spread {
				worst = max(worst, share)
			}
			back := "never away"
			if c.back > 0 {
				back = fmt.Sprintf("%.0f s", (c.back - one.outage.away).Seconds())
			}
			fmt.Fprintf(&table, "| %s | %.0fs | %d | %d | %.1f s | %.2f | %s |\n", one.name, init.Seconds(),
				c.peakAttempts(), c.peakAccepted(), c.slowest().Seconds(), worst, back)
			if init == 10*time.Second {
				label := strings.ReplaceAll(strings.Split(one.name, ",")[0], "`", "")
				if one.outage.away > 0 {
					label = fmt.Sprintf("all, for %.0f s", one.outage.away.Seconds())
				}
				percents, rates := make([]float64, scaleSeconds), make([]float64, scaleSeconds)
				for second := range percents {
					percents[second], rates[second] = 100*c.connected[second], float64(c.accepted[second])
				}
				connected.curves = append(connected.curves, curve{label, colours[i], percents})
				accepted.curves = append(accepted.curves, curve{label, colours[i], rates})
			}
		}
	}
	switch {
	case *updateFlag:
		checkTableIn(t, scaleFile, "outages", table.String())
		title := fmt.Sprintf("%d agents, 20 receivers", *scaleAgents)
		require.NoError(t, os.WriteFile(filepath.Clean(scalePlot), []byte(drawSeconds(title, scaleSeconds, []panel{connected, accepted})), 0o644))
	case *scaleAgents == shortAgents:
		document, err := os.ReadFile(scaleFile)
		require.NoError(t, err)
		for row := range strings.Lines(table.String()) {
			cells := strings.Split(row, "|")
			require.Contains(t, string(document), strings.Join(cells[:3], "|")+"|", "write it anew with -update")
		}
	default:
		var memory runtime.MemStats
		runtime.ReadMemStats(&memory)
		t.Logf("%d agents, %d MiB of memory from the system:\n%s", *scaleAgents, memory.Sys>>20, table.String())
	}
}

// With an age, receivers that were added get their share; without, they never do.
func TestAFleetSpreadsOverReceiversThatWereAdded(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	s := fleetOf(10_000, time.Second)
	s.age = 2 * time.Minute
	// Ten of the twenty were away, and come back: they are empty.
	c := s.run(outageOf{receivers: 10, away: 10 * time.Second}, 200, random)
	for i := range c.sites {
		require.InDelta(t, s.agents/s.receivers, c.sites[i].open, float64(s.agents/s.receivers)/5, "receiver %d", i)
	}
	s.age = 0
	c = s.run(outageOf{receivers: 10, away: 10 * time.Second}, 200, random)
	require.Greater(t, c.sites[19].open, s.agents/s.receivers*5/4)
}

func TestASimulatedFleetLosesNobody(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for _, leastConn := range []bool{false, true} {
		for _, one := range scenarios {
			s := fleetOf(5_000, 10*time.Second)
			s.leastConn = leastConn
			c := s.run(one.outage, scaleSeconds, random)
			open := 0
			for i := range c.sites {
				open += c.sites[i].open
			}
			require.InDelta(t, s.agents, open, float64(s.agents)/50, one.name)
			require.GreaterOrEqual(t, c.connected[scaleSeconds-1], 0.98, one.name)
		}
	}
}
