// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package budget

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestATabIsFullWhenTheShareIs(t *testing.T) {
	b := New(1 << 20) // 64 KiB are for what is owed
	deaf, good := b.Tab(), b.Tab()
	for !deaf.Full() {
		require.True(t, deaf.Add(1000), "the last short one is taken")
	}
	require.LessOrEqual(t, b.InUse(), int64(64<<10))
	require.False(t, deaf.Add(freeTabBytes+1))
	require.True(t, good.Add(freeTabBytes))
	require.False(t, good.Full(), "some of it is every client's own")
	good.Settle(freeTabBytes)
	deaf.Settle(deaf.owed)
	require.False(t, deaf.Full())
	require.Zero(t, b.InUse())
	require.True(t, good.Add(10_000))
	good.Close()
	require.Zero(t, b.InUse())
}
