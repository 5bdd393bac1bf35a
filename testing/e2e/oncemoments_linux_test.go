// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"os"
	"path/filepath"
	"regexp"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"filebeat-websocket/testing/beattest"
)

func init() {
	onceRows = append(onceRows, onceRow{name: "Filebeat is killed between an ack and the registry's write", fault: (*onceRun).killBeforeRegistry},
		onceRow{name: "the server is killed on a full disk", mount: (*onceRun).mountTmpfs, fault: (*onceRun).killOnFullDisk})
}

// killBeforeRegistry kills Filebeat when it knows of confirmations that the registry does not
// have: no file may become longer than a byte, so it cannot write there.
func (run *onceRun) killBeforeRegistry() {
	beattest.Eventually(run.t, patience, "the registry has the file", func() bool {
		return run.setup.RegistryOffsets(run.t)["a.log"] > 0
	})
	nothing := &unix.Rlimit{Cur: 1, Max: 1}
	require.NoError(run.t, unix.Prlimit(run.filebeat.PID(), unix.RLIMIT_FSIZE, nothing, nil))
	known, acked := run.setup.RegistryOffsets(run.t)["a.log"], run.filebeat.Stat("libbeat.output.events.acked")
	run.write()
	beattest.Eventually(run.t, patience, "more is confirmed", func() bool {
		return run.filebeat.Stat("libbeat.output.events.acked") > acked
	})
	run.killFilebeat()
	require.Equal(run.t, known, run.setup.RegistryOffsets(run.t)["a.log"])
	run.startFilebeat()
}

// mountTmpfs gives the receiver a disk of its own. It needs root.
func (run *onceRun) mountTmpfs(folder string) {
	beattest.NeedRoot(run.t)
	require.NoError(run.t, unix.Mount("tmpfs", folder, "tmpfs", 0, "size=64m"))
	run.t.Cleanup(func() { require.NoError(run.t, unix.Unmount(folder, unix.MNT_DETACH)) })
}

// killOnFullDisk fills the receiver's disk, kills it after it has refused something, and makes
// room after it has started on the full disk and has refused something again.
func (run *onceRun) killOnFullDisk() {
	filler := filepath.Join(filepath.Dir(run.receiver.File), "filler")
	file, err := os.Create(filler)
	require.NoError(run.t, err)
	for block := make([]byte, 64<<10); err == nil; {
		_, err = file.Write(block)
	}
	require.ErrorIs(run.t, err, unix.ENOSPC)
	require.NoError(run.t, file.Close())
	run.write()
	for range 2 {
		_, err = run.receiver.Await(regexp.MustCompile("disk full"), patience)
		require.NoError(run.t, err)
		run.restartReceiver()
	}
	require.NoError(run.t, os.Remove(filler))
}
