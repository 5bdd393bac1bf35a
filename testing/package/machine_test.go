// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package installtest

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

	"filebeat-websocket/testing/beattest"
)

// machine is a throwaway copy of this one: an overlay of its root, and a network of
// its own that has only loopback. build/dist is at /mnt. There is no systemd; a
// substitute for systemctl keeps how it was called.
type machine struct {
	t      *testing.T
	folder string // holds root, and what is written to it
	holder *beattest.Process
}

// holdScript keeps the namespaces. $0 is the folder, $1 is build/dist.
const holdScript = `set -e
mount -t overlay -o lowerdir=/,upperdir="$0/upper",workdir="$0/work" overlay "$0/root"
mount --rbind /proc "$0/root/proc"
mount --rbind /dev "$0/root/dev"
mount -t tmpfs tmpfs "$0/root/run"
mount --bind "$1" "$0/root/mnt"
mkdir -p "$0/root/run/systemd/system"
ip link set lo up
echo ready
exec sleep infinity`

// systemctlScript takes the place of systemctl.
const systemctlScript = "#!/bin/sh\necho \"$*\" >> /run/systemctl.log\n"

func newMachine(t *testing.T) *machine {
	t.Helper()
	beattest.NeedRoot(t, "unshare", "nsenter", "mount", "chroot", "ip")
	m := &machine{t: t, folder: t.TempDir()}
	for _, name := range []string{"root", "upper", "work"} {
		require.NoError(t, os.Mkdir(filepath.Join(m.folder, name), 0o755))
	}
	m.holder = beattest.StartProcess(t, program(t, "unshare", "--mount", "--net", "sh", "-c", holdScript, m.folder, distFolder(t)))
	beattest.Eventually(t, patience, "the machine is there", func() bool {
		return !m.holder.Running() || strings.Contains(m.holder.Output(), "ready")
	})
	require.True(t, m.holder.Running(), m.holder.Output())
	m.write("/usr/bin/systemctl", systemctlScript, 0o755)
	return m
}

// command is a command on the machine.
func (m *machine) command(args ...string) *exec.Cmd {
	m.t.Helper()
	enter := []string{"--target", strconv.Itoa(m.holder.PID()), "--mount", "--net", "chroot", m.root()}
	cmd := command(m.t, "nsenter", append(enter, args...)...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "HOME=/")
	return cmd
}

// shell runs a line of shell on the machine, which has to end well.
func (m *machine) shell(line string) string {
	m.t.Helper()
	return run(m.t, m.command("sh", "-euc", line))
}

// root is the machine's root, as seen in its mount namespace.
func (m *machine) root() string { return filepath.Join(m.folder, "root") }

// path returns the path of a file of that machine on this one.
func (m *machine) path(path string) string {
	return filepath.Join("/proc", strconv.Itoa(m.holder.PID()), "root", m.root(), path)
}

func (m *machine) read(path string) string {
	m.t.Helper()
	return read(m.t, m.path(path))
}

func (m *machine) write(path, content string, mode os.FileMode) {
	m.t.Helper()
	// Not through a link or into the file: /usr/bin/systemctl may be either.
	require.NoError(m.t, os.RemoveAll(m.path(path)))
	require.NoError(m.t, os.WriteFile(m.path(path), []byte(content), mode))
	require.NoError(m.t, os.Chmod(m.path(path), mode))
}

// systemctl returns what systemctl was called with since the last call.
func (m *machine) systemctl() []string {
	m.t.Helper()
	content, err := os.ReadFile(m.path("/run/systemctl.log"))
	if os.IsNotExist(err) {
		return nil
	}
	require.NoError(m.t, err)
	require.NoError(m.t, os.Remove(m.path("/run/systemctl.log")))
	return strings.Split(strings.TrimSpace(string(content)), "\n")
}

// stat returns mode, owner and group of a path, such as "600 root root".
func (m *machine) stat(path string) string {
	m.t.Helper()
	return strings.TrimSpace(run(m.t, m.command("stat", "--format=%a %U %G", path)))
}

func (m *machine) has(path string) bool {
	m.t.Helper()
	_, err := os.Lstat(m.path(path))
	return err == nil
}

var (
	unitEnvironment = regexp.MustCompile(`(?m)^Environment="(\w+=.*)"$`)
	unitFile        = regexp.MustCompile(`(?m)^EnvironmentFile=(.*)$`)
	unitStart       = regexp.MustCompile(`(?m)^ExecStart=(.*)$`)
	unitState       = regexp.MustCompile(`(?m)^StateDirectory=(.*)$`)
)

// startService runs the command of a unit as systemd would, in the foreground.
func (m *machine) startService(name string) *beattest.Process {
	m.t.Helper()
	unit := m.read("/usr/lib/systemd/system/" + name + ".service")
	script := ""
	for _, match := range unitFile.FindAllStringSubmatch(unit, -1) {
		script += ". " + match[1] + "\n"
	}
	for _, match := range unitState.FindAllStringSubmatch(unit, -1) {
		script += "mkdir -p /var/lib/" + match[1] + "\n"
	}
	start := unitStart.FindStringSubmatch(unit)
	require.Len(m.t, start, 2)
	cmd := m.command("sh", "-euc", script+"exec "+start[1])
	for _, match := range unitEnvironment.FindAllStringSubmatch(unit, -1) {
		cmd.Env = append(cmd.Env, match[1])
	}
	return beattest.StartProcess(m.t, cmd)
}

// ship appends lines to a log that filebeat reads, and waits until wsreceiver has each
// line so far exactly once: a line that was confirmed before a restart does not come
// again.
func (m *machine) ship(filebeat *beattest.Process, first, last int) {
	m.t.Helper()
	m.shipTo(recordsOfTheService, filebeat, first, last)
}

// recordsOfTheService are the files of the service wsreceiver.
const recordsOfTheService = "/var/lib/wsreceiver/records-*.ndjson"

// records returns what is in the files of wsreceiver's service.
func (m *machine) records() string {
	m.t.Helper()
	paths, err := filepath.Glob(m.path(recordsOfTheService))
	require.NoError(m.t, err)
	var all strings.Builder
	for _, path := range paths {
		all.WriteString(read(m.t, path))
	}
	return all.String()
}

// shipTo does the same with other files of wsreceiver.
func (m *machine) shipTo(records string, filebeat *beattest.Process, first, last int) {
	m.t.Helper()
	var lines strings.Builder
	require.NoError(m.t, beattest.WriteLines(&lines, first, last))
	file, err := os.OpenFile(m.path("/var/log/shipped.log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	require.NoError(m.t, err)
	_, err = file.WriteString(lines.String())
	require.NoError(m.t, err)
	require.NoError(m.t, file.Close())

	want := map[string]int{}
	for seq := 1; seq <= last; seq++ {
		want[strconv.Itoa(seq)] = 1
	}
	var got map[string]int
	beattest.Eventually(m.t, patience, fmt.Sprintf("lines 1 to %d are in the file of wsreceiver", last), func() bool {
		got = numbers(m.path(records))
		return len(got) >= last || !filebeat.Running()
	})
	require.Equal(m.t, want, got)
}

var sequence = regexp.MustCompile(`seq=(\d+) `)

// numbers returns how often each line number is in the files.
func numbers(pattern string) map[string]int {
	paths, _ := filepath.Glob(pattern) // the pattern is one of these tests
	found := map[string]int{}
	for _, path := range paths {
		content, _ := os.ReadFile(path) // gone: no numbers
		for _, match := range sequence.FindAllSubmatch(content, -1) {
			found[string(match[1])]++
		}
	}
	return found
}
