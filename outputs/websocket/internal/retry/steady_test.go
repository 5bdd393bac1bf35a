// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package retry

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/outputs/websocket/internal/conn"
)

func TestConnectionsThatEndOverContentAreSparedOnlyAFewTimes(t *testing.T) {
	settings := Backoff{Init: time.Second, Max: time.Minute}
	steady := After(&conn.CloseError{Code: 1003}, time.Now())
	for failures := range steadyFailures + 1 {
		require.LessOrEqual(t, steady.Wait(settings, failures), time.Second)
	}
	require.GreaterOrEqual(t, steady.Wait(settings, steadyFailures+6), 30*time.Second)
}
