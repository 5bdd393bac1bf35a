// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package selftest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/outputs/websocket/ack"
)

func TestEveryHostIsTestedOnceAndFailuresAreToldAtTheEnd(t *testing.T) {
	var p Progress
	for range 3 {
		p.Expect()
	}
	require.True(t, p.Begin("a"))
	p.Fail("a")
	require.NoError(t, p.End(), "two clients are left")
	require.False(t, p.Begin("a"), "another worker of the same host")
	require.NoError(t, p.End())
	require.True(t, p.Begin("b"))
	require.EqualError(t, p.End(), "1 of 2 hosts failed: a")
}

func TestNoFailureIsNoError(t *testing.T) {
	var p Progress
	p.Expect()
	require.True(t, p.Begin("a"))
	require.NoError(t, p.End())
}

func TestProbeWaitsForAnAnswer(t *testing.T) {
	for _, name := range ack.Names() {
		t.Run(name, func(t *testing.T) {
			kind, err := ack.Get(name)
			require.NoError(t, err)
			strategy := kind.New(ack.Config{})
			probe := &Probe{Strategy: strategy}
			ping := probe.Open().Ping
			require.NotNil(t, ping)
			require.False(t, probe.Ready())
			_, ponged := probe.Took()
			require.False(t, ponged)
			probe.Pong(ping)
			_, ponged = probe.Took()
			require.True(t, ponged)
			require.Equal(t, strategy.Ready(), probe.Ready())
		})
	}
}
