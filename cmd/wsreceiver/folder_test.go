// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"slices"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAFolderOfFiles kills the program in the middle of things again and again,
// and looks at what its files hold.
func TestAFolderOfFiles(t *testing.T) {
	binary, out := build(t), t.TempDir()+"/records"
	require.NoError(t, os.Mkdir(out, 0o700))
	const last, rotate = 20_000, 1 << 20 // records of more than 200 bytes: five files
	acked := 0
	for range 3 {
		command, log := launch(t, binary, "--out", out, "--rotate-bytes", "1MiB")
		s := ship(t, log.url(t), acked+1, last)
		through, err := s.ackedThrough(t, min(acked+4000, last))
		require.NoError(t, err)
		require.NoError(t, command.Process.Kill())
		require.Error(t, command.Wait())
		more, err := s.ackedThrough(t, last)
		require.Error(t, err)
		acked = max(through, more)
		require.NoError(t, s.ws.Close())
		files := outputFiles(t, out)
		// Someone with no love for half lines leaves one where a crash of the machine
		// would.
		leaveHalfALine(t, files[len(files)-1])
	}
	command, log := launch(t, binary, "--out", out, "--rotate-bytes", "1MiB")
	s := ship(t, log.url(t), acked+1, last)
	acked, err := s.ackedThrough(t, last)
	require.NoError(t, err)
	require.Equal(t, last, acked)
	require.NoError(t, s.ws.Close())
	require.NoError(t, command.Process.Signal(syscall.SIGTERM))
	require.NoError(t, command.Wait(), "%s", log)

	requireAll(t, numbers(t, out, false), last)
	files := outputFiles(t, out)
	require.GreaterOrEqual(t, len(files), 4)
	require.True(t, slices.IsSorted(files))
	for _, file := range files {
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.LessOrEqual(t, info.Size(), int64(rotate))
	}
}
