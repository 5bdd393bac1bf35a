// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"filebeat-websocket/testing/beattest"
)

// stage is a simulated node with the two pods of the overlay demo.
type stage struct {
	*kubelet
	n        *node
	api      *apiServer
	filebeat *container
	receiver *container
	records  *records
	running  struct{ filebeat, receiver *beattest.Process }
}

func newStage(t *testing.T) *stage {
	t.Helper()
	all := load(t, "overlays/demo")
	s := &stage{n: newNode(t, all)}
	s.api = startAPIServer(t, one[*rbacv1.ClusterRole](t, all, "filebeat-websocket"))
	s.n.join(s.api)
	service := one[*corev1.Service](t, all, "wsreceiver")
	s.n.names[service.Name+"."+service.Namespace+".svc"] = s.n.ip
	s.api.set("nodes", "ADDED", &corev1.Node{TypeMeta: metav1.TypeMeta{Kind: "Node", APIVersion: "v1"}, ObjectMeta: metav1.ObjectMeta{Name: nodeName}})
	s.api.set("nodes", "ADDED", &corev1.Node{TypeMeta: metav1.TypeMeta{Kind: "Node", APIVersion: "v1"}, ObjectMeta: metav1.ObjectMeta{Name: "node-2"}})
	for _, name := range []string{"default", "jobs"} {
		s.api.set("namespaces", "ADDED", &corev1.Namespace{TypeMeta: metav1.TypeMeta{Kind: "Namespace", APIVersion: "v1"}, ObjectMeta: metav1.ObjectMeta{Name: name}})
	}
	s.kubelet = &kubelet{t: t, dir: s.n.dir, api: s.api, stamp: time.Now()}
	s.filebeat = newContainer(s.n, s.n.pod("DaemonSet filebeat-websocket"))
	s.receiver = newContainer(s.n, s.n.pod("Deployment wsreceiver"))
	s.records = &records{t: t, folder: s.receiver.volumes["records"], read: map[string]int64{}, lines: map[int]record{}, times: map[int]int{}}
	return s
}

func (s *stage) startReceiver() {
	s.t.Helper()
	args := slices.Clone(s.receiver.spec.Args)
	listen := slices.Index(args, "--listen=0.0.0.0:8080")
	require.NotEqual(s.t, -1, listen)
	args[listen] = "--listen=" + s.n.ip + ":8080" // the machine's other addresses are not the pod's
	s.running.receiver = s.receiver.start(args...)
	s.ready(s.receiver, s.running.receiver)
}

func (s *stage) startFilebeat() {
	s.t.Helper()
	s.running.filebeat = s.filebeat.start()
	s.ready(s.filebeat, s.running.filebeat)
}

// ready waits until the probes' answers are those of a pod that is alive and
// ready.
func (s *stage) ready(c *container, process *beattest.Process) {
	s.t.Helper()
	for _, probe := range []*corev1.Probe{c.spec.StartupProbe, c.spec.LivenessProbe, c.spec.ReadinessProbe} {
		if probe == nil {
			continue
		}
		beattest.Eventually(s.t, patience, "200 at "+probe.HTTPGet.Path, func() bool {
			require.True(s.t, process.Running(), "it has ended")
			status, err := c.probe(probe)
			return err == nil && status == http.StatusOK
		})
	}
}

// arrived waits until every line that was logged has arrived.
func (s *stage) arrived() {
	s.t.Helper()
	s.records.wait(len(s.lines))
}

// knows waits until filebeat has received the pods from the API server.
func (s *stage) knows(l *log) {
	s.t.Helper()
	beattest.Eventually(s.t, patience, "records have the pod's labels", func() bool {
		l.writes(1)
		s.arrived()
		return s.records.lines[len(s.lines)].Kubernetes.Labels["app"] == l.pod
	})
}

// queued returns how many events filebeat holds.
func (s *stage) queued() int {
	var stats struct {
		Libbeat struct {
			Pipeline struct{ Events struct{ Active int } }
		}
	}
	if _, err := s.n.get("http://"+s.n.ip+":5066/stats", &stats); err != nil {
		return 0
	}
	return stats.Libbeat.Pipeline.Events.Active
}

// memory returns how much memory of filebeat cannot be reclaimed: its resident memory
// without the pages of its binary, in bytes.
func (s *stage) memory() int64 {
	s.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.running.filebeat.PID()))
	require.NoError(s.t, err)
	_, after, found := strings.Cut(string(status), "RssAnon:")
	require.True(s.t, found)
	var kibibytes int64
	_, err = fmt.Sscan(after, &kibibytes)
	require.NoError(s.t, err)
	return kibibytes << 10
}

// registry is what filebeat has written down of its files.
func (s *stage) registry() string {
	s.t.Helper()
	content, err := os.ReadFile(filepath.Join(s.n.dir, "var/lib/filebeat-websocket/registry/filebeat/log.json"))
	require.NoError(s.t, err)
	return string(content)
}

// queueEvents is queue.mem.events of filebeat.yml.
const queueEvents = 12800
