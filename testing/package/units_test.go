// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package installtest

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/elastic/elastic-agent-libs/config"
	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
)

// exposures are what systemd-analyze may say of a unit: 0 is no exposure, 10 is
// all of it.
var exposures = map[string]float64{
	// It runs as root, in the host's network, reads the files of everyone, home
	// folders and /tmp too, and asks /proc and netlink about the host.
	"filebeat": 2.3,
	// It is in the host's network.
	"wsreceiver": 1.1,
}

// overall is in the last line of systemd-analyze security.
var overall = regexp.MustCompile(`Overall exposure level for .*: ([0-9.]+)`)

// readUnit returns the path of the unit of a service.
func readUnit(t *testing.T, name string) string {
	t.Helper()
	return filepath.Join(beattest.Root(t), "build", "package", name+".service")
}

func TestUnitsAreAsTightAsTheirWorkAllows(t *testing.T) {
	need(t, "systemd-analyze", "systemd")
	for name, most := range exposures {
		output := run(t, command(t, "systemd-analyze", "security", "--offline=true", "--no-pager", readUnit(t, name)))
		match := overall.FindStringSubmatch(output)
		require.Len(t, match, 2, output)
		exposure, err := strconv.ParseFloat(match[1], 64)
		require.NoError(t, err)
		require.LessOrEqual(t, exposure, most, "%s:\n%s", name, output)
	}
}

// unitSetting returns the value of a setting that a unit has once.
func unitSetting(t *testing.T, name, key string) string {
	t.Helper()
	found := regexp.MustCompile(`(?m)^`+key+`=(.*)$`).FindAllStringSubmatch(read(t, readUnit(t, name)), -1)
	require.Len(t, found, 1, "%s.service: %s", name, key)
	return found[0][1]
}

func TestUnitsEndByThemselvesAndComeBack(t *testing.T) {
	for name := range exposures {
		require.Equal(t, "always", unitSetting(t, name, "Restart"))
		wait, err := time.ParseDuration(unitSetting(t, name, "RestartSec"))
		require.NoError(t, err)
		// systemd gives up after five starts in ten seconds.
		require.Greater(t, wait, 2*time.Second, name)
		require.Regexp(t, `^\d+[MG]$`, unitSetting(t, name, "MemoryMax"))
		require.Regexp(t, `^\d{5,}$`, unitSetting(t, name, "LimitNOFILE"))
	}
	shipped, err := config.NewConfigWithYAML([]byte(read(t, filepath.Join(beattest.Root(t), "filebeat.yml"))), "")
	require.NoError(t, err)
	text, err := shipped.String("filebeat.shutdown_timeout", -1)
	require.NoError(t, err)
	shutdown, err := time.ParseDuration(text)
	require.NoError(t, err)
	stop, err := time.ParseDuration(unitSetting(t, "filebeat", "TimeoutStopSec"))
	require.NoError(t, err)
	const closeTimeout = 5 * time.Second // the output's own default
	require.Greater(t, stop, shutdown+closeTimeout)
}

// bootScript has systemd as the first process of a copy of this machine. $0 is a
// folder.
const bootScript = `set -e
mount --make-rprivate /
mount -t tmpfs tmpfs "$0"
mkdir "$0/upper" "$0/work" "$0/root"
mount -t overlay -o lowerdir=/,upperdir="$0/upper",workdir="$0/work" overlay "$0/root"
cd "$0/root"
mount -t proc proc proc
mount --rbind /dev dev
mount --rbind /sys sys
mount -t tmpfs tmpfs run
ip link set lo up
mkdir old
pivot_root . old
umount -l /old
mount --make-rshared /
exec env container=test /lib/systemd/systemd --system --unit=basic.target`

// booted is a machine that systemd runs.
type booted struct {
	t       *testing.T
	systemd int    // its process, as seen from here
	root    string // its root folder, as seen from here
}

// boot starts a copy of this machine in namespaces of its own, with systemd as its
// first process.
func boot(t *testing.T) *booted {
	t.Helper()
	need(t, "/lib/systemd/systemd", "systemd")
	beattest.NeedRoot(t, "unshare", "nsenter", "mount", "pivot_root", "ip")
	before := cgroups(t)
	holder := beattest.StartProcess(t, program(t, "unshare", "--mount", "--pid", "--fork", "--kill-child", "--net", "--uts", "--ipc", "sh", "-c", bootScript, t.TempDir()))
	m := &booted{t: t}
	t.Cleanup(func() {
		holder.Kill()
		beattest.Eventually(t, patience, "the machine is gone", func() bool {
			status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", m.systemd))
			return err != nil || strings.Contains(string(status), "\nState:\tZ")
		})
		removeCgroups(t, before)
	})
	beattest.Eventually(t, patience, "the first process of the machine", func() bool {
		require.True(t, holder.Running(), holder.Output())
		m.systemd = childOf(holder.PID())
		return m.systemd != 0
	})
	m.root = filepath.Join("/proc", strconv.Itoa(m.systemd), "root")
	beattest.Eventually(t, patience, "systemd is up", func() bool {
		require.True(t, holder.Running(), holder.Output())
		output, err := m.command("systemctl", "is-system-running").Output()
		return err == nil && strings.TrimSpace(string(output)) == "running"
	})
	return m
}

// childOf returns the first child of a process, 0 if there is none.
func childOf(pid int) int {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return 0
	}
	var first int
	if _, err := fmt.Sscan(string(content), &first); err != nil {
		return 0
	}
	return first
}

// cgroupFolders are where systemd makes control groups: those of version 1, or the
// only one of version 2.
const cgroupFolders = "/sys/fs/cgroup"

// cgroups returns the control groups that there are.
func cgroups(t *testing.T) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	require.NoError(t, filepath.WalkDir(cgroupFolders, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			found[path] = true
		}
		return nil // groups of others come and go
	}))
	return found
}

// ofSystemd is in the path of a control group that systemd has made.
var ofSystemd = regexp.MustCompile(`\.(slice|scope|service|socket|mount)(/|$)`)

// removeCgroups removes the control groups that a machine has left behind.
func removeCgroups(t *testing.T, before map[string]bool) {
	t.Helper()
	after := slices.Sorted(maps.Keys(cgroups(t)))
	for _, path := range slices.Backward(after) { // those inside first
		if !before[path] && ofSystemd.MatchString(path) {
			_ = os.Remove(path) // a group that is in use stays
		}
	}
}

// command is a command on the machine.
func (m *booted) command(args ...string) *exec.Cmd {
	m.t.Helper()
	enter := []string{"--target", strconv.Itoa(m.systemd), "--mount", "--pid", "--net", "--uts", "--ipc"}
	return command(m.t, "nsenter", append(enter, args...)...)
}

func (m *booted) run(args ...string) string {
	m.t.Helper()
	return run(m.t, m.command(args...))
}

func (m *booted) write(path, content string, mode os.FileMode) {
	m.t.Helper()
	path = filepath.Join(m.root, path)
	require.NoError(m.t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(m.t, os.WriteFile(path, []byte(content), mode))
	require.NoError(m.t, os.Chmod(path, mode))
}

// show returns a property of a service.
func (m *booted) show(service, property string) string {
	m.t.Helper()
	return strings.TrimSpace(m.run("systemctl", "show", "--property="+property, "--value", service))
}

// The units run with their own settings: filebeat reads the log of another user
// and the journal, and writes its registry; wsreceiver has its tokens from a file
// of root's, and writes to its folder.
func TestUnitsRunUnderSystemd(t *testing.T) {
	m := boot(t)
	for name, path := range map[string]string{"filebeat": "/usr/share/filebeat/bin/filebeat", "wsreceiver": "/usr/bin/wsreceiver"} {
		m.write(path, read(t, beattest.Binary(t, name)), 0o755)
		m.write("/usr/lib/systemd/system/"+name+".service", read(t, readUnit(t, name)), 0o644)
	}
	const token = "bearer_token_file: /etc/filebeat/token"
	shipped := read(t, filepath.Join(beattest.Root(t), "filebeat.yml"))
	withToken := strings.Replace(shipped, "\noutput.websocket:\n", "\noutput.websocket:\n  "+token+"\n", 1)
	require.Contains(t, withToken, token)
	withJournal := strings.Replace(withToken, "\nfilebeat.inputs:\n", "\nfilebeat.inputs:\n  - {type: journald, id: journal}\n", 1)
	require.Contains(t, withJournal, "journald")
	m.write("/etc/filebeat/filebeat.yml", withJournal, 0o600)
	m.write("/etc/filebeat/token", "sesame\n", 0o600)
	m.write("/etc/wsreceiver/tokens", "sesame\n", 0o600)
	shippedFlags := read(t, filepath.Join(beattest.Root(t), "build", "package", "wsreceiver.conf"))
	flags := strings.Replace(shippedFlags, "--listen", "--token-file /run/credentials/wsreceiver.service/tokens --listen", 1)
	require.NotEqual(t, shippedFlags, flags)
	m.write("/etc/wsreceiver/wsreceiver.conf", flags, 0o644)
	var lines strings.Builder
	require.NoError(t, beattest.WriteLines(&lines, 1, 1000))
	m.write("/var/log/anothers.log", lines.String(), 0o600)
	require.NoError(t, os.Chown(filepath.Join(m.root, "/var/log/anothers.log"), 1234, 1234))

	m.run("systemctl", "daemon-reload")
	m.run("systemctl", "start", "wsreceiver", "filebeat")
	records := filepath.Join(m.root, "/var/lib/private/wsreceiver/records-*.ndjson")
	beattest.Eventually(t, patience, "all lines of the log are there", func() bool { return len(numbers(records)) == 1000 })
	beattest.Eventually(t, patience, "a line of the journal is there", func() bool {
		paths, err := filepath.Glob(records)
		require.NoError(t, err)
		return slices.ContainsFunc(paths, func(path string) bool { return strings.Contains(read(t, path), `"type":"journald"`) })
	})
	for service, capabilities := range map[string]string{"filebeat": "0000000000000004", "wsreceiver": "0000000000000000"} {
		status := m.run("cat", "/proc/"+m.show(service, "MainPID")+"/status")
		require.Contains(t, status, "CapEff:\t"+capabilities, service)
		require.Contains(t, status, "NoNewPrivs:\t1", service)
		require.Contains(t, status, "Seccomp:\t2", service)
	}
	m.run("systemctl", "stop", "filebeat", "wsreceiver")
	for service := range exposures {
		require.Equal(t, "success", m.show(service, "Result"), service)
	}
	require.FileExists(t, filepath.Join(m.root, "/var/lib/filebeat/registry/filebeat/log.json"))
}
