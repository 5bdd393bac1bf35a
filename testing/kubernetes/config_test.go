// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"bytes"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
)

// testConfig runs `filebeat test config` in the DaemonSet's container, with its
// arguments, files and variables.
func testConfig(t *testing.T, all objects, given map[string]map[string][]byte, more ...string) (output string, err error) {
	t.Helper()
	n := newNode(t, all)
	n.given = given
	filebeat := newContainer(n, n.pod("DaemonSet filebeat-websocket"))
	args := append([]string{"test", "config"}, filebeat.spec.Args...)
	content, err := filebeat.command(append(args, more...)...).CombinedOutput()
	return string(content), err
}

func TestFilebeatTakesTheConfigurationOfEveryFolder(t *testing.T) {
	t.Parallel()
	for _, folder := range agents[1:] {
		t.Run(folder, func(t *testing.T) {
			t.Parallel()
			output, err := testConfig(t, load(t, folder), tlsSecret(t, beattest.NewCA(t), folder))
			require.NoError(t, err, output)
			require.Contains(t, output, "Config OK")
		})
	}
}

// The base has no address: applied alone, it sends nothing anywhere.
func TestTheBaseAloneSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	output, err := testConfig(t, load(t, "base"), nil)
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	require.Contains(t, output, "output.websocket.hosts: ")
}

func TestFilebeatRefusesAConfigurationWithAMistake(t *testing.T) {
	t.Parallel()
	manifests := bytes.Replace(rendered(t, "overlays/demo"), []byte("close_timeout: 5s"), []byte("close_timeuot: 5s"), 1)
	all, err := decode(manifests)
	require.NoError(t, err)
	output, err := testConfig(t, all, nil)
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	require.Contains(t, output, "close_timeuot")
}

// tlsSecret makes the Secret that the overlay tls expects, as cert-manager would.
func tlsSecret(t *testing.T, ca *beattest.CA, folder string) map[string]map[string][]byte {
	t.Helper()
	given := map[string]map[string][]byte{}
	for name, keys := range external[folder] {
		certificate, key := beattest.WriteKeyPair(t, t.TempDir(), ca.Issue("127.0.0.1"), "")
		given[name] = map[string][]byte{}
		for _, k := range keys {
			file := map[string]string{"ca.crt": ca.File, "tls.crt": certificate, "tls.key": key}[k]
			content, err := os.ReadFile(file)
			require.NoError(t, err)
			given[name][k] = content
		}
	}
	return given
}

// A list in the key hosts of the ConfigMap becomes a list of hosts of the output.
// Nothing listens at them.
func TestHostsOfAnOverlayAreAList(t *testing.T) {
	t.Parallel()
	manifests := bytes.Replace(rendered(t, "overlays/demo"),
		[]byte("hosts: ws://wsreceiver.filebeat-websocket.svc:8080/ingest"), []byte("hosts: ws://first.example:1/ingest,ws://second.example:1/ingest"), 1)
	all, err := decode(manifests)
	require.NoError(t, err)
	n := newNode(t, all)
	n.names["first.example"], n.names["second.example"] = n.ip, n.ip
	filebeat := newContainer(n, n.pod("DaemonSet filebeat-websocket"))
	content, err := filebeat.command(append([]string{"test", "output"}, filebeat.spec.Args...)...).CombinedOutput()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	for _, host := range []string{"first.example:1", "second.example:1"} {
		require.Contains(t, string(content), "dial "+host+"...")
	}
}
