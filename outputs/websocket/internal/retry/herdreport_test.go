// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package retry

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/outputs/websocket/internal/conn"
)

var updateFlag = flag.Bool("update", false, "write the tables of docs/dev/reconnecting.md anew")

const simulationFile = "../../../../docs/dev/reconnecting.md"

// tolerance is how far a number in the docs may be from a new simulation. The
// waits are random: the peaks of two runs differ by up to 10 %.
const tolerance = 0.2

// herdNumbers is a row of a table in docs/dev/reconnecting.md.
type herdNumbers struct {
	attempts, accepted int           // most in one second
	back               time.Duration // from the server's return until 99 % are back
}

func measure(arrivals []arrival, away time.Duration) herdNumbers {
	seconds := perSecond(arrivals)
	var accepted []arrival
	for _, a := range arrivals {
		if a.accepted {
			accepted = append(accepted, a)
		}
	}
	return herdNumbers{
		attempts: peak(seconds, attempts.all),
		accepted: peak(seconds, func(s attempts) int { return s.accepted }),
		back:     accepted[len(accepted)*99/100].after - away,
	}
}

// cells are the numbers of a row.
func (n herdNumbers) cells() string {
	return fmt.Sprintf("%d | %.1f %% | %d | %.1f s", n.attempts, 100*float64(n.attempts)/fleetSize, n.accepted, n.back.Seconds())
}

func (n *herdNumbers) add(other herdNumbers) {
	n.attempts += other.attempts
	n.accepted += other.accepted
	n.back += other.back
}

func (n *herdNumbers) divide(by int) {
	n.attempts /= by
	n.accepted /= by
	n.back /= time.Duration(by)
}

// herdRuns is how many simulations a row of the first table is the mean of.
const herdRuns = 3

const herdColumns = "| most attempts in one second | of the agents | most connections accepted in one second | 99 % are back after |\n"

func TestDocsShowHowAFleetComesBack(t *testing.T) {
	var table strings.Builder
	table.WriteString("| `backoff.init` | server away | x " + herdColumns + "|---|---|---|---|---|---|---|\n")
	for _, away := range []time.Duration{5 * time.Second, time.Minute} {
		for _, init := range []time.Duration{1, 5, 10, 30} {
			init *= time.Second
			o := outage{agents: fleetSize, backoff: Backoff{Init: init, Max: time.Minute}, away: away}
			var numbers herdNumbers
			for range herdRuns {
				numbers.add(measure(simulate(t, o), away))
			}
			numbers.divide(herdRuns)
			// x as in: peak = agents × x / init.
			x := float64(numbers.attempts) / fleetSize * init.Seconds()
			fmt.Fprintf(&table, "| %.0fs | %.0fs | %.2f | %s |\n", init.Seconds(), away.Seconds(), x, numbers.cells())
		}
	}
	checkTable(t, "herd", table.String())
}

func TestDocsShowWhatTheServerSays(t *testing.T) {
	const away = 30 * time.Second
	unavailable := func(retryAfter string) error {
		return &conn.UpgradeError{Code: http.StatusServiceUnavailable, Header: http.Header{"Retry-After": {retryAfter}}}
	}
	var table strings.Builder
	table.WriteString("| what the server says " + herdColumns + "|---|---|---|---|---|\n")
	for _, said := range []struct {
		what          string
		away          time.Duration
		loss, refusal error
	}{
		{what: "closes with 1001 or 1012, is back at once", loss: &conn.CloseError{Code: 1001}},
		{what: "closes with 1011, is back at once", loss: &conn.CloseError{Code: 1011}},
		{what: "closes with 1008 or 4000, is back at once", loss: &conn.CloseError{Code: 1008}},
		{what: "answers 503 for 30 s, no `Retry-After`", away: away, refusal: unavailable("")},
		{what: "answers 503 for 30 s, `Retry-After: 5`", away: away, refusal: unavailable("5")},
		{what: "answers 503 for 30 s, `Retry-After: 30`", away: away, refusal: unavailable("30")},
		// The fake clock starts at midnight UTC 2000-01-01.
		{what: "answers 503 for 30 s, `Retry-After` is the date of its return", away: away, refusal: unavailable("Sat, 01 Jan 2000 00:00:30 GMT")},
		{what: "answers 401 or 403 for 30 s", away: away, refusal: &conn.UpgradeError{Code: http.StatusForbidden}},
	} {
		arrivals := simulate(t, outage{
			agents:  fleetSize,
			backoff: Backoff{Init: 10 * time.Second, Max: time.Minute},
			away:    said.away,
			loss:    said.loss,
			refusal: said.refusal,
		})
		fmt.Fprintf(&table, "| %s | %s |\n", said.what, measure(arrivals, said.away).cells())
	}
	checkTable(t, "causes", table.String())
}

// decimal finds the numbers of a table.
var decimal = regexp.MustCompile(`\d+(\.\d+)?`)

// checkTable compares a table of a document with a new one: the words
// have to be the same, and the numbers close. With -update it writes the new one.
func checkTable(t *testing.T, name, table string) {
	t.Helper()
	checkTableIn(t, simulationFile, name, table)
}

func checkTableIn(t *testing.T, file, name, table string) {
	t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	begin, end := "<!-- "+name+": begin -->\n", "<!-- "+name+": end -->\n"
	before, rest, found := strings.Cut(string(content), begin)
	require.True(t, found, "no %q in the docs", begin)
	committed, after, found := strings.Cut(rest, end)
	require.True(t, found, "no %q in the docs", end)
	if *updateFlag {
		require.NoError(t, os.WriteFile(file, []byte(before+begin+table+end+after), 0o644))
		return
	}
	require.Equal(t, decimal.ReplaceAllString(table, "0"), decimal.ReplaceAllString(committed, "0"), "write it anew with -update")
	newNumbers, oldNumbers := decimal.FindAllString(table, -1), decimal.FindAllString(committed, -1)
	for i := range newNumbers {
		now, err := strconv.ParseFloat(newNumbers[i], 64)
		require.NoError(t, err)
		then, err := strconv.ParseFloat(oldNumbers[i], 64)
		require.NoError(t, err)
		// Half a second is nothing to an operator, and much to a short wait.
		require.InDeltaf(t, now, then, max(tolerance*now, 0.5), "the docs say\n%sand a new simulation\n%s", committed, table)
	}
}
