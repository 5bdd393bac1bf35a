// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
)

func TestNodeLosesNoLine(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	web, short := s.start("default", "web-0", "app-server"), s.start("default", "short", "main")
	web.writes(100)
	short.writes(1)
	s.startReceiver()
	s.startFilebeat()
	s.arrived()
	requireRights(t, s.running.filebeat.PID())
	s.knows(web)

	t.Log("rotation while the container logs")
	for range 3 {
		web.writes(300)
		web.rotate()
		web.writes(300)
		s.arrived()
	}

	t.Log("a restart of the container, and a second life that ends at once")
	again := web.restart()
	again.writes(200)
	job := s.start("jobs", "once-28865040-abcde", "job")
	job.writes(5)
	s.arrived()

	t.Log("filebeat is stopped, the log is rotated meanwhile, filebeat is started again")
	again.writes(3000)
	require.Zero(t, s.running.filebeat.Stop(), "exit code")
	again.writes(500)
	again.rotate()
	again.writes(500)
	s.startFilebeat()
	s.arrived()

	t.Log("filebeat is killed while it sends, and started again")
	confirmed := len(s.lines)
	again.writes(10_000)
	beattest.Eventually(t, patience, "some of them arrive", func() bool {
		s.records.poll()
		return len(s.records.times) > confirmed
	})
	s.running.filebeat.Kill()
	again.writes(500)
	s.startFilebeat()
	s.arrived()
	t.Logf("%d of %d lines came twice", s.records.repeats(), len(s.lines))

	t.Log("what has been confirmed does not come again after a restart")
	before := s.records.repeats()
	require.Zero(t, s.running.filebeat.Stop(), "exit code")
	s.startFilebeat()
	for _, l := range []*log{again, short, job} {
		l.writes(1)
	}
	s.arrived()
	require.Equal(t, before, s.records.repeats())

	t.Log("the receiver is away, another token is agreed on, and a pod vanishes with its lines unread")
	s.running.receiver.Kill()
	gone := s.start("jobs", "gone-28865041-fghij", "job")
	gone.writes(25_000)
	beattest.Eventually(t, patience, "the queue is full", func() bool { return s.queued() >= queueEvents })
	gone.vanish()
	beattest.Eventually(t, patience, "filebeat has noticed", func() bool {
		return slices.ContainsFunc(strings.Split(s.registry(), "\n"), func(entry string) bool {
			return strings.Contains(entry, gone.pod) && strings.Contains(entry, `"ttl":0`)
		})
	})
	token := map[string][]byte{"token": []byte("another")}
	s.filebeat.update("credentials", token)
	s.receiver.update("credentials", token)
	s.startReceiver()
	s.arrived()

	require.Zero(t, s.running.filebeat.Stop(), "exit code")
	require.Zero(t, s.running.receiver.Stop(), "exit code")
	s.requireRecords(web, again, gone)
	s.requireRequests()
}

// requireRights makes sure that the process runs as the manifest says: root
// without the rights of root, in a root file system that it can't write to.
func requireRights(t *testing.T, pid int) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(t, err)
	status = bytes.ReplaceAll(status, []byte("\t"), []byte(" "))
	require.Contains(t, string(status), "Uid: 0 0 0 0")
	require.Contains(t, string(status), "CapEff: 0000000000040000\n", "CAP_SYS_CHROOT, by which it came into its root")
	require.Contains(t, string(status), "NoNewPrivs: 1\n")
	mounts, err := os.ReadFile(fmt.Sprintf("/proc/%d/mountinfo", pid))
	require.NoError(t, err)
	open := []string{}
	for mount := range strings.Lines(string(mounts)) {
		fields := strings.Fields(mount)
		if place := fields[4]; !strings.HasPrefix(fields[5], "ro") && !strings.HasPrefix(place, "/proc") && !strings.HasPrefix(place, "/sys") && !strings.HasPrefix(place, "/dev") {
			open = append(open, place)
		}
	}
	require.Equal(t, []string{"/usr/share/filebeat/data"}, open)
}

// requireRecords makes sure that each line came as it was logged, with the names
// of where it came from.
func (s *stage) requireRecords(web, again, gone *log) {
	s.t.Helper()
	labelled := map[*log]int{}
	places := map[string]int{}
	for number, logged := range s.lines {
		arrived, from := s.records.lines[number+1], logged.from
		require.Equal(s.t, logged.text, arrived.Message)
		require.Equal(s.t, map[bool]string{true: "stderr", false: "stdout"}[(number+1)%3 == 0], arrived.Stream)
		require.Equal(s.t, nodeName, arrived.Host.Name)
		require.Equal(s.t, from.namespace, arrived.Kubernetes.Namespace, arrived)
		require.Equal(s.t, from.pod, arrived.Kubernetes.Pod.Name, arrived)
		if arrived.Kubernetes.Labels["app"] == from.pod {
			labelled[from]++
			require.Equal(s.t, from.name, arrived.Kubernetes.Container.Name)
			require.Equal(s.t, from.uid, arrived.Kubernetes.Pod.UID)
			require.Equal(s.t, nodeName, arrived.Kubernetes.Node.Name)
		}
		places[filepath.Dir(arrived.Log.File.Path)]++
	}
	require.NotZero(s.t, labelled[web])
	require.NotZero(s.t, labelled[again])
	require.NotZero(s.t, places[strings.TrimPrefix(again.folder(), s.n.dir)], "lines of a file that was rotated while filebeat was not there")
	s.t.Logf("%d of %d lines of the pod that vanished have its labels", labelled[gone], 25_000)
}

// requireRequests makes sure that the ClusterRole allows what filebeat asks, and
// nothing more.
func (s *stage) requireRequests() {
	s.t.Helper()
	asked, refused := s.api.requests()
	require.Empty(s.t, refused)
	require.Equal(s.t, []string{
		"list namespaces", "list nodes metadata.name=" + nodeName, "list pods spec.nodeName=" + nodeName,
		"watch namespaces", "watch nodes metadata.name=" + nodeName, "watch pods spec.nodeName=" + nodeName,
	}, asked)
}
