// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"filebeat-websocket/testing/beattest"
)

// A file system that is really full (ENOSPC). It needs root.
func TestFullDiskOfTheReceiverLosesNothing(t *testing.T) {
	const lines, full, roomy = 20_000, "size=4m", "size=100m"
	beattest.NeedRoot(t)
	for _, ack := range []string{"ping", "message"} {
		t.Run(ack, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			require.NoError(t, unix.Mount("tmpfs", folder, "tmpfs", 0, full))
			t.Cleanup(func() { require.NoError(t, unix.Unmount(folder, unix.MNT_DETACH)) })
			receiver := beattest.StartReceiverIn(t, folder)
			setup := beattest.Setup{Dir: t.TempDir(), Output: output(receiver.URL(), "  ack: "+ack+"\n")}
			beattest.AppendLines(t, setup.LogFile("a.log"), 1, lines)
			filebeat := beattest.StartFilebeat(t, setup)

			beattest.Eventually(t, patience, "the disk is full", func() bool {
				return filebeat.Stat("libbeat.output.events.failed") > 0
			})
			acked := filebeat.Stat("libbeat.output.events.acked")
			require.Less(t, acked, lines)
			require.GreaterOrEqual(t, len(receiver.Numbers()), acked, "what was confirmed is in the file")

			require.NoError(t, unix.Mount("tmpfs", folder, "tmpfs", unix.MS_REMOUNT, roomy))
			beattest.Eventually(t, patience, "the rest arrives", func() bool { return len(receiver.Numbers()) == lines })
			require.Zero(t, filebeat.Stop())
			require.Zero(t, receiver.Stop())
			require.Contains(t, receiver.Output(), "disk full")
		})
	}
}
