// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package trust

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestARefusalIsBelievedOnceAfterAConfirmation(t *testing.T) {
	var hosts Hosts
	host := hosts.Get("a:80")
	require.False(t, host.Drop(), "nothing was ever confirmed")
	host.Confirmed()
	require.False(t, hosts.Get("b:80").Drop(), "by another host")
	require.True(t, hosts.Get("a:80").Drop())
	require.False(t, host.Drop(), "nothing since then")
	host.Confirmed()
	require.True(t, host.Drop())
}

func TestAFewRefusalsInARowAreNotEverything(t *testing.T) {
	var host Host
	for range doubts - 1 {
		require.False(t, host.Refused())
	}
	host.Confirmed()
	for range doubts - 1 {
		require.False(t, host.Refused())
	}
	require.True(t, host.Refused())
	require.True(t, host.Refused())
}
