// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"filebeat-websocket/testing/beattest"
)

const (
	// agentValues and receiverValues are the least that the chart takes.
	agentValues    = "hosts: [\"wss://logs.example.com/ingest\"]\ntoken: {value: change-me}\n"
	receiverValues = "receivers: {enabled: true, token: {value: change-me}, engine: \"wsreceiver:change-me\"}\n"
)

// helm renders the chart with values.
func helm(t *testing.T, namespace, values string) (manifests []byte, complaints string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "values.yaml")
	require.NoError(t, os.WriteFile(file, []byte(values), 0o600))
	return foreign(t, nil, nil, "helm", filepath.Join("build", "helm"), namespace, file)
}

// chart renders and decodes the chart, and adds the namespace that `helm install
// --create-namespace` makes.
func chart(t *testing.T, namespace, values string) objects {
	t.Helper()
	manifests, complaints := helm(t, namespace, values)
	require.Empty(t, complaints)
	rest, _ := withoutMonitors(t, manifests)
	all, err := decode(rest)
	require.NoError(t, err, string(rest))
	made := &corev1.Namespace{}
	made.Name, made.Labels = namespace, map[string]string{"app.kubernetes.io/part-of": "the command"}
	return append(all, made)
}

// overlaid renders the base, or another folder, with a kustomization on top.
func overlaid(t *testing.T, folder, more string) objects {
	t.Helper()
	manifests := filepath.Join(beattest.Root(t), manifestFolder)
	dir := t.TempDir()
	below, err := filepath.Rel(dir, manifests)
	require.NoError(t, err)
	text := fmt.Sprintf("resources: [%s]\n", filepath.Join(below, folder)) + strings.ReplaceAll(more, "COMPONENTS", filepath.Join(below, "components"))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(text), 0o600))
	rest, _ := withoutMonitors(t, render(t, dir))
	all, err := decode(rest)
	require.NoError(t, err)
	return all
}

var nameHash = regexp.MustCompile(`(filebeat-websocket|wsreceiver)-[a-z0-9]{10}"`)

// stripped returns objects as JSON by kind and name, without what is only Helm's or only
// kustomize's: namespaces, the hash in a name or the annotation in its place, Helm's labels.
func stripped(t *testing.T, all objects) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, object := range all {
		if _, ok := object.(*corev1.Namespace); ok {
			continue
		}
		content, err := json.Marshal(object)
		require.NoError(t, err)
		var tree map[string]any
		require.NoError(t, json.Unmarshal(nameHash.ReplaceAll(content, []byte(`$1"`)), &tree))
		strip(tree)
		content, err = json.MarshalIndent(tree, "", " ")
		require.NoError(t, err)
		id := fmt.Sprintf("%s %s", object.GetObjectKind().GroupVersionKind().Kind, nameHash.ReplaceAllString(nameOf(object)+`"`, "$1"))
		found[strings.TrimSuffix(id, `"`)] = string(content)
	}
	return found
}

func strip(tree map[string]any) {
	for key, value := range tree {
		branch, ok := value.(map[string]any)
		if !ok {
			continue
		}
		for _, own := range []string{"app.kubernetes.io/managed-by", "app.kubernetes.io/version", "helm.sh/chart", "checksum/config"} {
			delete(branch, own)
		}
		strip(branch)
		if key == "annotations" && len(branch) == 0 {
			delete(tree, key)
		}
	}
}

// Where both say the same, the chart and the kustomize folders make the same objects.
func TestTheChartAndKustomizeAgree(t *testing.T) {
	t.Parallel()
	const hosts = "configMapGenerator: [{name: filebeat-websocket, behavior: merge, literals: [\"hosts=wss://logs.example.com/ingest\"]}]\n"
	for name, both := range map[string]struct {
		namespace, values string
		kustomize         objects
	}{
		"agents":      {"filebeat-websocket", agentValues + "image: {tag: latest}\n", overlaid(t, "base", hosts)},
		"TLS":         {"filebeat-websocket", agentValues + "image: {tag: latest}\ntls: {secret: filebeat-websocket-tls}\n", load(t, "overlays/tls")},
		"annotations": {"filebeat-websocket", agentValues + "image: {tag: latest}\nhints: true\n", overlaid(t, "base", hosts+"components: [COMPONENTS/hints]\n")},
		"TLS and annotations": {
			"filebeat-websocket", agentValues + "image: {tag: latest}\nhints: true\ntls: {secret: filebeat-websocket-tls}\n",
			overlaid(t, "overlays/tls", "components: [COMPONENTS/hints]\n"),
		},
		"receivers": {"wsreceiver", receiverValues[:len(receiverValues)-2] + ", image: {tag: latest}}\n", load(t, "receivers")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, got := stripped(t, both.kustomize), stripped(t, chart(t, both.namespace, both.values))
			for id := range want {
				require.Contains(t, got, id)
				require.JSONEq(t, want[id], got[id], id)
			}
			require.Len(t, got, len(want))
		})
	}
}

// The PodMonitors are the same too; the scheme of Kubernetes does not have that kind.
func TestTheChartAndKustomizeHaveThePodMonitor(t *testing.T) {
	t.Parallel()
	manifests, complaints := helm(t, "filebeat-websocket", agentValues+"podMonitor: true\n")
	require.Empty(t, complaints)
	_, monitors := withoutMonitors(t, manifests)
	require.Equal(t, 1, monitors)
	manifests, complaints = helm(t, "filebeat-websocket", agentValues)
	require.Empty(t, complaints)
	_, monitors = withoutMonitors(t, manifests)
	require.Zero(t, monitors)
}

func TestTheChartRefusesValuesThatInstallNothingUseful(t *testing.T) {
	t.Parallel()
	for values, want := range map[string]string{
		"{}":                    "hosts is empty",
		"hosts: [\"wss://a/\"]": "token: neither value nor secret is set",
		"hosts: [\"wss://a/\"]\ntoken: {value: a, secret: b}":  "token: value and secret are both set",
		"hosts: [\"https://a/\"]\ntoken: {value: a}":           "hosts.0",
		"hosts: wss://a/\ntoken: {value: a}":                   "hosts",
		"host: [\"wss://a/\"]":                                 "host",
		agentValues + "tls: {ca: a, secret: b}":                "tls: ca and secret are both set",
		"receivers: {enabled: true}":                           "receivers.token: neither value nor secret is set",
		"receivers: {enabled: true, out: /var/lib/wsreceiver}": "receivers.out",
	} {
		t.Run(values, func(t *testing.T) {
			t.Parallel()
			_, complaints := helm(t, "filebeat-websocket", values)
			require.NotEmpty(t, complaints)
			require.Contains(t, complaints, want)
		})
	}
}

// The files of the chart are copies: Helm reads nothing outside of it.
func TestTheFilesOfTheChartAreThoseOfKustomize(t *testing.T) {
	t.Parallel()
	root := beattest.Root(t)
	for file, original := range map[string]string{
		"filebeat.yml": "base/filebeat.yml", "tls.yml": "components/tls/tls.yml", "hints.yml": "components/hints/hints.yml",
	} {
		want, err := os.ReadFile(filepath.Join(root, manifestFolder, original))
		require.NoError(t, err)
		got, err := os.ReadFile(filepath.Join(root, "build", "helm", "files", file))
		require.NoError(t, err)
		require.Equal(t, string(want), string(got), "cp build/kubernetes/%s build/helm/files/%s", original, file)
	}
}

// moreValues set what the kustomize folders do not have.
const moreValues = agentValues + `
hints: true
inputs:
  - {type: filestream, id: audit, paths: [/var/log/audit/*.log], prospector.scanner.check_interval: 1s}
hostPaths: [/var/log/audit]
config:
  queue.mem.events: 6400
priorityClassName: system-node-critical
`

func TestFilebeatTakesTheConfigurationOfTheChart(t *testing.T) {
	t.Parallel()
	authority, err := os.ReadFile(beattest.NewCA(t).File)
	require.NoError(t, err)
	all := chart(t, "filebeat-websocket", moreValues+"tls:\n  ca: |\n    "+strings.ReplaceAll(strings.TrimSpace(string(authority)), "\n", "\n    ")+"\n")
	require.Empty(t, problems(all, nil))
	output, err := testConfig(t, all, nil)
	require.NoError(t, err, output)
	require.Contains(t, output, "Config OK")
}

// Annotations of a pod join its lines, an input of the values reads a folder of the node, and
// the ClusterRole allows all that is asked for it.
func TestAnnotationsSayHowLogsAreRead(t *testing.T) {
	t.Parallel()
	all := chart(t, "filebeat-websocket", strings.Replace(moreValues, "wss://logs.example.com/ingest", "ws://receiver.example:8080/ingest", 1))
	n := newNode(t, all)
	n.names["receiver.example"] = n.ip
	api := startAPIServer(t, one[*rbacv1.ClusterRole](t, all, "filebeat-websocket"))
	n.join(api)
	api.set("nodes", "ADDED", &corev1.Node{TypeMeta: metav1.TypeMeta{Kind: "Node", APIVersion: "v1"}, ObjectMeta: metav1.ObjectMeta{Name: nodeName}})
	api.set("namespaces", "ADDED", &corev1.Namespace{TypeMeta: metav1.TypeMeta{Kind: "Namespace", APIVersion: "v1"}, ObjectMeta: metav1.ObjectMeta{Name: "default"}})

	folder, token := t.TempDir(), filepath.Join(t.TempDir(), "token")
	n.write(token, "change-me")
	receiver := beattest.StartProcess(t, exec.CommandContext(context.WithoutCancel(t.Context()), beattest.Binary(t, "wsreceiver"),
		"--listen="+n.ip+":8080", "--path=/ingest", "--token-file="+token, "--out="+folder+"/"))
	k := &kubelet{t: t, dir: n.dir, api: api, stamp: time.Now(), annotations: documentedAnnotations(t)}
	java := k.start("default", "java-0", "app")
	_, err := fmt.Fprintf(java.file, "%[1]s stdout F 2026-11-28 seq=1 it failed:\n%[1]s stdout F \tat Main.run\n%[1]s stdout F \tat Main.main\n%[1]s stdout F 2026-11-28 seq=2 it goes on\n", criTime())
	require.NoError(t, err)
	k.annotations = map[string]string{"co.elastic.logs/enabled": "false"}
	silent := k.start("default", "silent-0", "app")
	silent.writes(3)
	beattest.AppendLines(t, filepath.Join(n.dir, "var/log/audit/audit.log"), 3, 30) // it is read from 1,024 bytes on

	running := newContainer(n, n.pod("DaemonSet filebeat-websocket")).start()
	arrived := &records{t: t, folder: folder, read: map[string]int64{}, lines: map[int]record{}, times: map[int]int{}}
	arrived.wait(30)
	require.Equal(t, "2026-11-28 seq=1 it failed:\n\tat Main.run\n\tat Main.main", arrived.lines[1].Message)
	require.Equal(t, "java-0", arrived.lines[1].Kubernetes.Pod.Name)
	require.Equal(t, "/var/log/audit/audit.log", arrived.lines[3].Log.File.Path)
	require.Zero(t, running.Stop())
	require.Zero(t, receiver.Stop())
	arrived.poll()
	require.Zero(t, arrived.repeats(), "lines of the pod that asks for no logs have the same numbers")
	_, refused := api.requests()
	require.Empty(t, refused)
}
