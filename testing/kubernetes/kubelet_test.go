// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// kubelet writes logs as the kubelet and a CRI runtime do, and numbers the lines.
type kubelet struct {
	t   *testing.T
	dir string // the node's root
	api *apiServer
	// lines are the lines of all containers; the n-th has the number n+1.
	lines []line
	// ids makes container ids that differ.
	ids int
	// annotations are those of the pods that start.
	annotations map[string]string
	// padding is at the end of each line.
	padding string
	// stamp is the last time in a name of a rotated file.
	stamp time.Time
}

// line is a line that a container has logged.
type line struct {
	text string
	from *log
}

// log is that of one life of a container.
type log struct {
	kubelet        *kubelet
	namespace, pod string
	uid, name, id  string
	restarts       int
	file           *os.File
	rotated        []string
}

// start starts a container in a pod of its own, which the API server has
// then too.
func (k *kubelet) start(namespace, pod, name string) *log {
	k.t.Helper()
	k.ids++
	l := &log{kubelet: k, namespace: namespace, pod: pod, uid: fmt.Sprintf("7f1c2f9e-0000-4000-8000-%012d", k.ids), name: name}
	l.open()
	return l
}

// restart starts the container again. The log from before stays.
func (l *log) restart() *log {
	l.kubelet.t.Helper()
	again := &log{kubelet: l.kubelet, namespace: l.namespace, pod: l.pod, uid: l.uid, name: l.name, restarts: l.restarts + 1}
	require.NoError(l.kubelet.t, l.file.Close())
	again.open()
	return again
}

func (l *log) open() {
	k := l.kubelet
	k.ids++
	l.id = fmt.Sprintf("%064x", k.ids)
	k.api.set("pods", map[bool]string{true: "ADDED", false: "MODIFIED"}[l.restarts == 0], l.object())
	require.NoError(k.t, os.MkdirAll(l.folder(), 0o755))
	l.create()
	require.NoError(k.t, os.Symlink(strings.TrimPrefix(l.path(), k.dir), l.link()))
}

func (l *log) create() {
	var err error
	l.file, err = os.OpenFile(l.path(), os.O_CREATE|os.O_EXCL|os.O_APPEND|os.O_WRONLY, 0o640)
	require.NoError(l.kubelet.t, err)
}

func (l *log) podFolder() string {
	return filepath.Join(l.kubelet.dir, "var/log/pods", l.namespace+"_"+l.pod+"_"+l.uid)
}
func (l *log) folder() string { return filepath.Join(l.podFolder(), l.name) }
func (l *log) path() string   { return filepath.Join(l.folder(), fmt.Sprintf("%d.log", l.restarts)) }
func (l *log) link() string {
	return filepath.Join(l.kubelet.dir, "var/log/containers", fmt.Sprintf("%s_%s_%s-%s.log", l.pod, l.namespace, l.name, l.id))
}

// object is the pod that the API server has.
func (l *log) object() *corev1.Pod {
	return &corev1.Pod{
		TypeMeta: metav1.TypeMeta{Kind: "Pod", APIVersion: "v1"},
		ObjectMeta: metav1.ObjectMeta{
			Name: l.pod, Namespace: l.namespace, UID: types.UID(l.uid), Labels: map[string]string{"app": l.pod}, Annotations: l.kubelet.annotations,
		},
		Spec: corev1.PodSpec{NodeName: nodeName, Containers: []corev1.Container{{Name: l.name, Image: "example/" + l.name}}},
		Status: corev1.PodStatus{
			Phase: corev1.PodRunning, PodIP: "10.0.0.1",
			ContainerStatuses: []corev1.ContainerStatus{{Name: l.name, ContainerID: "containerd://" + l.id}},
		},
	}
}

// writes logs numbered lines. Each fifth comes in three parts, as a line longer than
// the buffer of the runtime does. Each third goes to the standard error.
func (l *log) writes(count int) {
	l.kubelet.t.Helper()
	var b strings.Builder
	for range count {
		number := len(l.kubelet.lines) + 1
		text := fmt.Sprintf("seq=%d a line of %s with blanks  in it%s", number, l.pod, l.kubelet.padding)
		whole, stream := text, "stdout"
		if number%3 == 0 {
			stream = "stderr"
		}
		if number%5 == 0 {
			text += strings.Repeat(" and more", 20)
			whole = text
			for range 2 {
				cut := len(text) / 3
				fmt.Fprintf(&b, "%s %s P %s\n", criTime(), stream, text[:cut])
				text = text[cut:]
			}
		}
		l.kubelet.lines = append(l.kubelet.lines, line{whole, l})
		fmt.Fprintf(&b, "%s %s F %s\n", criTime(), stream, text)
	}
	_, err := l.file.WriteString(b.String())
	require.NoError(l.kubelet.t, err)
}

func criTime() string { return time.Now().UTC().Format("2006-01-02T15:04:05.000000000Z07:00") }

// rotate renames the file and begins another. It compresses the file that was renamed
// before: the kubelet leaves the newest rotated file as it is.
func (l *log) rotate() {
	k := l.kubelet
	k.t.Helper()
	for _, path := range l.rotated {
		if _, err := os.Stat(path); err == nil {
			compress(k.t, path)
		}
	}
	k.stamp = k.stamp.Add(time.Second) // names have seconds only, and tests are fast
	moved := l.path() + "." + k.stamp.Format("20060102-150405")
	require.NoError(k.t, os.Rename(l.path(), moved))
	l.rotated = append(l.rotated, moved)
	require.NoError(k.t, l.file.Close())
	l.create()
}

func compress(t *testing.T, path string) {
	t.Helper()
	from, err := os.Open(path)
	require.NoError(t, err)
	to, err := os.Create(path + ".tmp")
	require.NoError(t, err)
	packed := gzip.NewWriter(to)
	_, err = io.Copy(packed, from)
	require.NoError(t, err)
	require.NoError(t, packed.Close())
	require.NoError(t, to.Close())
	require.NoError(t, from.Close())
	require.NoError(t, os.Rename(path+".tmp", path+".gz"))
	require.NoError(t, os.Remove(path))
}

// vanish deletes the pod and its logs.
func (l *log) vanish() {
	k := l.kubelet
	k.t.Helper()
	require.NoError(k.t, l.file.Close())
	require.NoError(k.t, os.Remove(l.link()))
	require.NoError(k.t, os.RemoveAll(l.podFolder()))
	k.api.set("pods", "DELETED", l.object())
}
