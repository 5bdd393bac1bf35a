// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
)

// The figures are in docs/kubernetes.md.
func TestAFullQueueIsWithinTheMemoryLimit(t *testing.T) {
	t.Parallel()
	for _, length := range []int{200, 8000} {
		t.Run(fmt.Sprintf("lines of %d bytes", length), func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.padding = strings.Repeat("x", length)
			l := s.start("default", "web-0", "app-server")
			l.writes(1)
			s.startReceiver()
			s.startFilebeat()
			s.arrived()
			s.running.receiver.Kill()
			l.writes(20_000)
			beattest.Eventually(t, patience, "the queue is full", func() bool { return s.queued() >= queueEvents })
			most := s.memory()
			s.startReceiver()
			beattest.Eventually(t, patience, "all lines arrive", func() bool {
				most = max(most, s.memory())
				s.records.poll()
				return len(s.records.times) == len(s.lines)
			})
			t.Logf("most memory: %d MiB", most>>20)
			require.Less(t, most, s.filebeat.spec.Resources.Limits.Memory().Value())
			require.Zero(t, s.running.filebeat.Stop())
		})
	}
}
