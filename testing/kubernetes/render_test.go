// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"

	"filebeat-websocket/build/tool"
	"filebeat-websocket/testing/beattest"
)

const (
	kustomizePackage = "sigs.k8s.io/kustomize/kustomize/v5"
	kustomizeVersion = "v5.4.3"
)

// folders are those below build/kubernetes that can be applied.
var folders = append([]string{"receiver", "receivers"}, agents...)

// agents are the folders that have the DaemonSet.
var agents = []string{"base", "overlays/demo", "overlays/tls"}

// external are the Secrets that a folder expects, with their keys.
var external = map[string]map[string][]string{
	"overlays/tls": {"filebeat-websocket-tls": {"ca.crt", "tls.crt", "tls.key"}},
	"receivers":    {"wsreceiver-tls": {"tls.crt", "tls.key"}},
}

// kustomizeMutex keeps parallel tests from installing it at the same time.
var kustomizeMutex sync.Mutex

// kustomize returns the path of the program, which is installed if it is not there.
func kustomize(t *testing.T) string {
	t.Helper()
	kustomizeMutex.Lock()
	defer kustomizeMutex.Unlock()
	program, err := tool.Install(filepath.Join(beattest.Root(t), tool.Cache), kustomizePackage, kustomizeVersion)
	require.NoError(t, err)
	return program
}

// render returns what `kubectl apply -k` of a folder would send.
func render(t *testing.T, folder string) []byte {
	t.Helper()
	var output, complaints bytes.Buffer
	build := exec.CommandContext(t.Context(), kustomize(t), "build", folder)
	build.Stdout, build.Stderr = &output, &complaints
	require.NoErrorf(t, build.Run(), "kustomize build %s:\n%s", folder, complaints.String())
	require.Empty(t, complaints.String(), "kustomize warns of what it deprecates")
	return output.Bytes()
}

// rendered is render for a folder of build/kubernetes.
func rendered(t *testing.T, folder string) []byte {
	t.Helper()
	return render(t, filepath.Join(beattest.Root(t), "build", "kubernetes", folder))
}

// decode reads manifests as an API server with strict validation does: unknown
// and repeated fields are errors.
func decode(manifests []byte) (objects, error) {
	decoder := serializer.NewCodecFactory(scheme.Scheme, serializer.EnableStrict).UniversalDeserializer()
	documents := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(manifests)))
	var all objects
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		object, _, err := decoder.Decode(document, nil, nil)
		if err != nil {
			return nil, err
		}
		all = append(all, object)
	}
}

// load renders and decodes a folder of build/kubernetes.
func load(t *testing.T, folder string) objects {
	t.Helper()
	all, err := decode(rendered(t, folder))
	require.NoError(t, err)
	return all
}

// objects are the decoded manifests of a folder.
type objects []runtime.Object

// one returns the object of the type and name.
func one[T runtime.Object](t *testing.T, all objects, name string) T {
	t.Helper()
	for _, object := range all {
		if typed, ok := object.(T); ok && nameOf(object) == name {
			return typed
		}
	}
	var none T
	require.FailNowf(t, "not in the manifests", "%T %s", none, name)
	return none
}

func TestManifestsDecodeStrictly(t *testing.T) {
	t.Parallel()
	kinds := map[string]int{"base": 8, "overlays/demo": 10, "overlays/tls": 8, "receiver": 5, "receivers": 9}
	for _, folder := range folders {
		t.Run(folder, func(t *testing.T) {
			t.Parallel()
			require.Len(t, load(t, folder), kinds[folder])
		})
	}
}

func TestStrictDecodingRefusesMistakes(t *testing.T) {
	t.Parallel()
	manifests := string(rendered(t, "base"))
	for name, change := range map[string]struct{ from, to, err string }{
		"a field that does not exist": {"readOnlyRootFilesystem: true", "readOnlyRootFileSystem: true", "unknown field"},
		"a field in the wrong place":  {"      serviceAccountName: filebeat-websocket", "      readinessProbe: {}", "unknown field"},
		"a quantity that is none":     {"memory: 200Mi", "memory: 200Mxx", "quantities must match"},
		"a field that is there twice": {"allowPrivilegeEscalation: false", "allowPrivilegeEscalation: false\n          allowPrivilegeEscalation: true", "already set"},
		"a value of the wrong type":   {"containerPort: 5066", `containerPort: "5066"`, "cannot unmarshal"},
		"a kind that does not exist":  {"kind: DaemonSet", "kind: Daemonset", "no kind"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Contains(t, manifests, change.from)
			_, err := decode([]byte(strings.Replace(manifests, change.from, change.to, 1)))
			require.ErrorContains(t, err, change.err)
		})
	}
}

// A configuration of the same name would not be noticed by running pods; a Secret
// of another name would make them restart.
func TestNamesFollowTheContentWhereAChangeHasToRestartPods(t *testing.T) {
	t.Parallel()
	name := func(change string) string {
		overlay := t.TempDir()
		base, err := filepath.Rel(overlay, filepath.Join(beattest.Root(t), "build", "kubernetes", "base"))
		require.NoError(t, err)
		kustomization := fmt.Sprintf("namespace: filebeat-websocket\nresources: [%s]\n%s", base, change)
		require.NoError(t, os.WriteFile(filepath.Join(overlay, "kustomization.yaml"), []byte(kustomization), 0o600))
		all, err := decode(render(t, overlay))
		require.NoError(t, err)
		require.Empty(t, problems(all, nil))
		return pods(all)[0].spec.Volumes[0].ConfigMap.Name
	}
	as := name("")
	require.Regexp(t, `^filebeat-websocket-\w{10}$`, as)
	require.NotEqual(t, as, name("configMapGenerator: [{name: filebeat-websocket, behavior: merge, literals: [hosts=ws://other]}]"))
	require.Equal(t, as, name("secretGenerator: [{name: filebeat-websocket, behavior: merge, literals: [token=other]}]"))
}
