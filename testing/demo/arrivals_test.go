// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEveryLineCarriesItsNumber(t *testing.T) {
	for want := 1; want <= 200; want++ { // all kinds of lines
		number, ok := numberOf(line(want, time.Now(), want%2 == 0))
		require.True(t, ok)
		require.Equal(t, want, number)
	}
	_, ok := numberOf("something else")
	require.False(t, ok)
}

func TestArrivalsCountEachLineOnce(t *testing.T) {
	var records strings.Builder
	for _, number := range []int{1, 3, 2, 3} {
		record, err := json.Marshal(map[string]any{"@timestamp": time.Now(), "message": line(number, time.Now(), false)})
		require.NoError(t, err)
		records.Write(append(record, '\n'))
	}
	arrived := &arrivals{seen: map[int]bool{}}
	require.NoError(t, arrived.follow(strings.NewReader(records.String())))
	unique, twice := arrived.totals()
	require.Equal(t, 3, unique)
	require.Equal(t, 1, twice)
}

func TestArrivalsRefuseALineThatIsNotARecord(t *testing.T) {
	arrived := &arrivals{seen: map[int]bool{}}
	require.ErrorContains(t, arrived.follow(strings.NewReader("listening\n")), "a line that is not a record")
}

func TestTheRushComesAndGoes(t *testing.T) {
	for since, want := range map[time.Duration]bool{
		0: false, firstSpike: true, firstSpike + spikeLength - 1: true, firstSpike + spikeLength: false,
		firstSpike + spikeInterval: true, firstSpike + spikeInterval - 1: false,
	} {
		require.Equal(t, want, inSpike(since), "after %v", since)
	}
}
