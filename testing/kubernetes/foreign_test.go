// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/build/tool"
	"filebeat-websocket/testing/beattest"
)

var foreignOnce sync.Once

// foreign runs testing/manifests, which has the libraries of Helm, Compose and the Prometheus
// operator. It returns what the program prints, and what it complains about.
func foreign(t *testing.T, input []byte, env []string, args ...string) (output []byte, complaints string) {
	t.Helper()
	root := beattest.Root(t)
	program := filepath.Join(root, tool.Cache, "manifests")
	foreignOnce.Do(func() {
		build := exec.CommandContext(t.Context(), "go", "build", "-C", filepath.Join(root, "testing", "manifests"), "-o", program, ".")
		message, err := build.CombinedOutput()
		require.NoError(t, err, string(message))
	})
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), &stdout, &stderr
	if err := cmd.Run(); err != nil {
		require.NotEmpty(t, stderr.String())
	}
	return stdout.Bytes(), stderr.String()
}

// withoutMonitors checks the PodMonitors among manifests, and returns the others: the scheme of
// Kubernetes does not have that kind.
func withoutMonitors(t *testing.T, manifests []byte) (rest []byte, monitors int) {
	t.Helper()
	for document := range strings.SplitSeq(strings.TrimPrefix(string(manifests), "---\n"), "\n---\n") {
		if !strings.Contains("\n"+document, "\nkind: PodMonitor\n") {
			rest = append(rest, document+"\n---\n"...)
			continue
		}
		monitors++
		_, complaints := foreign(t, []byte(document), nil, "podmonitor")
		require.Empty(t, complaints)
		// What it selects, and the port, are the DaemonSet's.
		require.Contains(t, document, "app.kubernetes.io/name: filebeat-websocket")
		require.Contains(t, document, "port: http")
	}
	return rest, monitors
}

func TestPodMonitorsAreReadStrictly(t *testing.T) {
	t.Parallel()
	monitor, err := os.ReadFile(filepath.Join(beattest.Root(t), manifestFolder, "components", "podmonitor", "podmonitor.yaml"))
	require.NoError(t, err)
	_, monitors := withoutMonitors(t, monitor)
	require.Equal(t, 1, monitors)
	_, complaints := foreign(t, bytes.Replace(monitor, []byte("podMetricsEndpoints"), []byte("podMetricEndpoints"), 1), nil, "podmonitor")
	require.Contains(t, complaints, "podMetricEndpoints")
}
