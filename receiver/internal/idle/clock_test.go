// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package idle

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheClockRunsWhileTheReaderWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c Clock
		c.Start()
		time.Sleep(time.Second)
		require.Zero(t, c.Silent(), "nobody waits for the client")
		idle, used := c.Idle()
		require.Zero(t, idle)
		require.False(t, used)
		c.Wait()
		time.Sleep(time.Second)
		require.Equal(t, time.Second, c.Silent())
		idle, _ = c.Idle()
		require.Equal(t, 2*time.Second, idle, "since it came")
		c.Heard()
		c.Complete()
		require.Zero(t, c.Silent())
		c.Wait()
		time.Sleep(time.Second)
		idle, used = c.Idle()
		require.Equal(t, time.Second, idle)
		require.True(t, used)
	})
}
