// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"filebeat-websocket/protocol"
)

// limitFileSize makes every write beyond so many bytes of a file fail, as a full
// disk does: half of the last one may get in. It needs neither root nor a file
// system of its own, and the limit can be taken back while the process runs.
func limitFileSize(t *testing.T, pid int, bytes uint64) {
	t.Helper()
	require.NoError(t, unix.Prlimit(pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: bytes, Max: unix.RLIM_INFINITY}, nil))
}

func TestAFullDiskRefusesUntilThereIsSpaceAgain(t *testing.T) {
	t.Run("in a file", func(t *testing.T) { testFullDisk(t, t.TempDir()+"/out.ndjson") })
	t.Run("in a folder", func(t *testing.T) { testFullDisk(t, t.TempDir()+"/records/") })
}

func testFullDisk(t *testing.T, out string) {
	t.Helper()
	command, log := launch(t, build(t), "--quiet", "--out", out)
	url := log.url(t)
	healthURL := strings.Replace(strings.TrimSuffix(url, "/ingest"), "ws", "http", 1) + "/healthz"
	const limit, last = 100_001, 2000 // records of more than 200 bytes, so that some 450 fit
	limitFileSize(t, command.Process.Pid, limit)

	s := ship(t, url, 1, last)
	acked, refused := 0, []int{}
	for acked+len(refused) < last {
		reply, err := s.next(t)
		require.NoError(t, err)
		if reply.Nack > 0 {
			require.Equal(t, protocol.Reply{Nack: reply.Nack, Reason: "disk full", Retry: true}, reply)
			refused = append(refused, int(reply.Nack))
			continue
		}
		if reply.Pause > 0 {
			require.Equal(t, protocol.Reply{Pause: time.Second}, reply)
			require.NotEmpty(t, refused)
			continue
		}
		acked = int(reply.Ack)
	}
	require.Greater(t, acked, 400)
	require.Greater(t, len(refused), 1000)
	pause, err := s.next(t)
	require.NoError(t, err)
	require.Equal(t, protocol.Reply{Pause: time.Second}, pause, "there is a pause after the last refusal")
	status, body := get(t, healthURL)
	require.Equal(t, 503, status)
	require.Equal(t, "disk full\n", body)
	found := numbers(t, out, false)
	require.Len(t, found, acked, "what was refused has left no trace")
	requireAll(t, found, acked)
	for _, file := range outputFiles(t, out) {
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.LessOrEqual(t, info.Size(), int64(limit))
	}

	limitFileSize(t, command.Process.Pid, unix.RLIM_INFINITY)
	require.NoError(t, s.ws.Close())
	require.Equal(t, acked+1, refused[0])
	again := ship(t, url, acked+1, last)
	acked, err = again.ackedThrough(t, last)
	require.NoError(t, err)
	require.Equal(t, last, acked)
	status, body = get(t, healthURL)
	require.Equal(t, 200, status)
	require.Equal(t, "ok", body)
	require.NoError(t, again.ws.Close())
	require.NoError(t, command.Process.Signal(syscall.SIGTERM))
	require.NoError(t, command.Wait(), "%s", log)
	found = numbers(t, out, false)
	requireAll(t, found, last)
	require.Len(t, found, last)
	require.Contains(t, log.String(), `level=ERROR msg="records refused for now"`)
	require.Contains(t, log.String(), "file too large")
	require.LessOrEqual(t, strings.Count(log.String(), "records refused"), 3, "one line stands for a thousand")
}
