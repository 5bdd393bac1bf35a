// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package beattest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// ControlGroup bounds the memory of programs, as a container or a systemd unit does.
// It takes root, and either version of control groups.
type ControlGroup struct {
	tb     testing.TB
	folder string
	first  bool // the first version, with other names of files
}

// StartControlGroup makes a control group whose programs may use so many bytes, and
// nothing beyond that as swap.
func StartControlGroup(tb testing.TB, bytes int64) *ControlGroup {
	tb.Helper()
	NeedRoot(tb)
	g := &ControlGroup{tb: tb, folder: "/sys/fs/cgroup"}
	if _, err := os.Stat("/sys/fs/cgroup/memory/memory.limit_in_bytes"); err == nil {
		g.folder, g.first = "/sys/fs/cgroup/memory", true
	}
	g.folder = filepath.Join(g.folder, "beattest-"+strconv.Itoa(os.Getpid())+"-"+filepath.Base(tb.TempDir()))
	require.NoError(tb, os.Mkdir(g.folder, 0o755))
	tb.Cleanup(func() { require.NoError(tb, os.Remove(g.folder), "a program is left in it") })
	g.write(g.file("memory.limit_in_bytes", "memory.max"), bytes)
	if swap := g.file("memory.memsw.limit_in_bytes", "memory.swap.max"); g.first {
		g.write(swap, bytes)
	} else if _, err := os.Stat(swap); err == nil {
		g.write(swap, 0)
	}
	return g
}

// file returns the path of the file with the name of the group's version.
func (g *ControlGroup) file(first, second string) string {
	if g.first {
		return filepath.Join(g.folder, first)
	}
	return filepath.Join(g.folder, second)
}

func (g *ControlGroup) write(file string, number int64) {
	g.tb.Helper()
	require.NoError(g.tb, os.WriteFile(file, strconv.AppendInt(nil, number, 10), 0o644))
}

// Join has cmd, which is not started yet, run in the group.
func (g *ControlGroup) Join(cmd *exec.Cmd) {
	shell := []string{"/bin/sh", "-c", `echo $$ > "$0" && exec "$@"`, filepath.Join(g.folder, "cgroup.procs"), cmd.Path}
	cmd.Path, cmd.Args = shell[0], append(shell, cmd.Args[1:]...)
}

var killCount = regexp.MustCompile(`(?m)^oom_kill (\d+)$`)

// Kills returns how often the kernel killed a program for lack of memory.
func (g *ControlGroup) Kills() int {
	g.tb.Helper()
	content, err := os.ReadFile(g.file("memory.oom_control", "memory.events"))
	require.NoError(g.tb, err)
	found := killCount.FindSubmatch(content)
	if found == nil {
		return 0 // an old kernel does not tell
	}
	count, err := strconv.Atoi(string(found[1]))
	require.NoError(g.tb, err)
	return count
}

// ResetPeakMemory has PeakMemory tell of what comes from now on.
func ResetPeakMemory(tb testing.TB, pid int) {
	tb.Helper()
	require.NoError(tb, os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0o600))
}

// PeakMemory returns the most memory in bytes that a process has had resident.
func PeakMemory(tb testing.TB, pid int) int64 {
	tb.Helper()
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(tb, err)
	_, rest, found := strings.Cut(string(content), "VmHWM:")
	require.True(tb, found)
	kibi, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	require.NoError(tb, err)
	return kibi << 10
}
