// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A write to a disk that hangs cannot be interrupted.
func TestCloseDoesNotWaitForAHangingDisk(t *testing.T) {
	life := newLifecycle(10 * time.Millisecond)
	hanging, ended := make(chan struct{}), make(chan struct{})
	life.run(func(context.Context) { <-hanging })
	go func() {
		life.Close()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		require.Fail(t, "Close still waits")
	}
	close(hanging)
	life.background.Wait()
}
