// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// What others do to the output while the real program writes to it.

// disturb ships records, does something to the output again and again in the
// middle, and returns how often each record is in the files that are left. Refused
// records are sent again, as a client does.
func disturb(t *testing.T, out string, command *exec.Cmd, log *logLines, do func(round int)) map[int]int {
	t.Helper()
	const rounds, each = 5, 400
	next := 1
	for round := range rounds {
		s := ship(t, log.url(t), next, next+each-1)
		for next <= (round+1)*each {
			reply, err := s.next(t)
			require.NoError(t, err)
			if reply.Nack > 0 {
				require.True(t, reply.Retry)
				// Whatever else of this shipment is on its way is sent again as well.
				require.NoError(t, s.ws.Close())
				s = ship(t, log.url(t), next, (round+1)*each)
				continue
			}
			before := next
			next = max(next, s.first+int(reply.Ack))
			if half := round*each + each/2; before <= half && next > half {
				do(round)
			}
		}
		require.NoError(t, s.ws.Close())
	}
	require.NoError(t, command.Process.Signal(syscall.SIGTERM))
	require.NoError(t, command.Wait(), "%s", log)
	found := map[int]int{}
	files, err := filepath.Glob(out + "*")
	require.NoError(t, err)
	for _, file := range files {
		for n, times := range numbers(t, file, false) {
			found[n] += times
		}
	}
	requireAll(t, found, rounds*each)
	return found
}

func TestAnOutputThatIsMovedKeepsWhatWasConfirmed(t *testing.T) {
	for _, flags := range [][]string{nil, {"--sync=false"}} {
		for _, hangup := range []bool{false, true} {
			t.Run(fmt.Sprintf("flags=%v, SIGHUP=%v", flags, hangup), func(t *testing.T) {
				out := t.TempDir() + "/out.ndjson"
				command, log := launch(t, build(t), append(flags, "--out", out)...)
				found := disturb(t, out, command, log, func(round int) {
					require.NoError(t, os.Rename(out, fmt.Sprintf("%s.%d", out, round)))
					if hangup {
						require.NoError(t, command.Process.Signal(syscall.SIGHUP))
						log.find(t, fmt.Sprintf("(?s)(reopened the output.*){%d}", round+1))
						_, err := os.Stat(out)
						require.NoError(t, err)
					}
				})
				for n, times := range found {
					require.Equal(t, 1, times, "record %d: there is no need to write it twice", n)
				}
			})
		}
	}
}

// What was confirmed before goes with the file, as whoever removed it wanted; what
// is confirmed after that does not.
func TestAnOutputThatIsRemovedConfirmsNothingIntoNowhere(t *testing.T) {
	for _, out := range []string{t.TempDir() + "/out.ndjson", t.TempDir() + "/records/"} {
		command, log := launch(t, build(t), "--out", out)
		for round := range 4 {
			s := ship(t, log.url(t), 100*round+1, 100*(round+1))
			acked, err := s.ackedThrough(t, 100*(round+1))
			require.NoError(t, err)
			require.NoError(t, s.ws.Close())
			found := numbers(t, out, false)
			require.Len(t, found, 100)
			for n := 100*round + 1; n <= acked; n++ {
				require.Equal(t, 1, found[n])
			}
			for _, file := range outputFiles(t, out) {
				require.NoError(t, os.Remove(file))
			}
		}
		require.NoError(t, command.Process.Signal(syscall.SIGTERM))
		require.NoError(t, command.Wait(), "%s", log)
	}
}

func TestAnOutputWhoseFolderIsRemovedIsRefusedWithTheReason(t *testing.T) {
	folder := t.TempDir() + "/folder"
	require.NoError(t, os.Mkdir(folder, 0o700))
	command, log := launch(t, build(t), "--out", folder+"/out.ndjson")
	s := ship(t, log.url(t), 1, 1)
	_, err := s.ackedThrough(t, 1)
	require.NoError(t, err)
	require.NoError(t, os.RemoveAll(folder))
	again := ship(t, log.url(t), 2, 2)
	reply, err := again.next(t)
	require.NoError(t, err)
	require.EqualValues(t, 1, reply.Nack)
	require.True(t, reply.Retry)
	healthURL := strings.Replace(strings.TrimSuffix(log.url(t), "/ingest"), "ws", "http", 1) + "/healthz"
	status, body := get(t, healthURL)
	require.Equal(t, 503, status)
	require.Equal(t, "output failed\n", body)
	log.find(t, `records refused for now.*out\.ndjson: no such file or directory`)
	require.NoError(t, command.Process.Signal(syscall.SIGHUP))
	log.find(t, "the output could not be reopened")
	require.NoError(t, os.Mkdir(folder, 0o700))
	require.NoError(t, command.Process.Signal(syscall.SIGHUP))
	log.find(t, "reopened the output")
	status, _ = get(t, healthURL)
	require.Equal(t, 200, status)
	require.NoError(t, s.ws.Close())
	require.NoError(t, again.ws.Close())
	require.NoError(t, command.Process.Signal(syscall.SIGTERM))
	require.NoError(t, command.Wait(), "%s", log)
}

func TestASecondReceiverOfTheSameOutputEndsWith1AndNamesTheFirst(t *testing.T) {
	binary := build(t)
	for _, out := range []string{t.TempDir() + "/out.ndjson", t.TempDir() + "/records/"} {
		first, log := launch(t, binary, "--out", out)
		s := ship(t, log.url(t), 1, 100)
		acked, err := s.ackedThrough(t, 100)
		require.NoError(t, err)
		require.Equal(t, 100, acked)

		second, secondLog := launch(t, binary, "--out", out)
		exit, ok := errors.AsType[*exec.ExitError](second.Wait())
		require.True(t, ok)
		require.Equal(t, exitFailed, exit.ExitCode())
		require.Contains(t, secondLog.String(), fmt.Sprintf("is in use by process %d", first.Process.Pid))
		require.NotContains(t, secondLog.String(), "listening")

		require.NoError(t, s.ws.Close())
		require.NoError(t, first.Process.Kill())
		require.Error(t, first.Wait())
		third, log := launch(t, binary, "--out", out) // a kill leaves no lock behind
		log.url(t)
		require.NoError(t, third.Process.Signal(syscall.SIGTERM))
		require.NoError(t, third.Wait(), "%s", log)
		requireAll(t, numbers(t, out, false), 100)
	}
}
