// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
	"filebeat-websocket/testing/wstest"
)

func TestStopDuringADialOrAWaitIsPromptAndLosesNothing(t *testing.T) {
	for name, bad := range map[string]struct {
		fault wstest.Fault
		more  string
	}{
		"a dial":               {wstest.Fault{HangUpgrade: true}, "  connect_timeout: 1m\n"},
		"a wait between dials": {wstest.Fault{RefuseStatus: http.StatusForbidden}, ""},
		"the first Ping":       {wstest.Fault{MutePongs: true}, "  timeout: 1m\n"},
	} {
		t.Run(name, func(t *testing.T) {
			const lines = 1_000
			server := wstest.Start(t, wstest.WithScript(func(int) wstest.Fault { return bad.fault }))
			setup := beattest.Setup{Dir: t.TempDir(), Output: `
output.websocket:
  hosts: ["` + server.URL() + `"]
  close_timeout: 1s
  backoff: {init: 1m, max: 1m}
` + bad.more}
			beattest.AppendLines(t, setup.LogFile("a.log"), 1, lines)
			filebeat := beattest.StartFilebeat(t, setup)
			beattest.Eventually(t, patience, "filebeat connects", func() bool { return server.Counts().Connections > 0 })
			begun := time.Now()
			require.Zero(t, filebeat.Stop())
			require.Less(t, time.Since(begun), 10*time.Second)
			addr := server.Addr()
			server.Kill()

			server = wstest.Start(t, wstest.WithAddr(addr))
			filebeat = beattest.StartFilebeat(t, setup)
			arrived(t, server, lines)
			require.Zero(t, filebeat.Stop())
		})
	}
}

// A listener takes the connections of client-go and answers nothing, as an API server behind
// a firewall does.
func TestStopWhileTheAPIServerOfKubernetesDoesNotAnswer(t *testing.T) {
	const lines = 100
	silent, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = silent.Close() }()
	server := wstest.Start(t)
	folder := t.TempDir()
	kubeconfig := filepath.Join(folder, "kubeconfig")
	require.NoError(t, os.WriteFile(kubeconfig, []byte(`apiVersion: v1
kind: Config
clusters: [{name: silent, cluster: {server: "http://`+silent.Addr().String()+`"}}]
contexts: [{name: silent, context: {cluster: silent}}]
current-context: silent
`), 0o600))
	setup := beattest.Setup{Dir: folder, Output: `
output.websocket.hosts: ["` + server.URL() + `"]`, Extra: `
queue.mem.flush.timeout: 0s
filebeat.autodiscover.providers:
  - type: kubernetes
    node: node
    kube_config: ` + kubeconfig + `
    use_kubeadm: false
    hints.enabled: true
    hints.default_config: {type: filestream, id: "${data.kubernetes.container.id}", paths: [/nothing]}
`}
	beattest.AppendLines(t, setup.LogFile("a.log"), 1, lines)
	filebeat := beattest.StartFilebeat(t, setup)
	_, err = filebeat.Await(regexp.MustCompile("Starting autodiscover manager"), patience)
	require.NoError(t, err)
	arrived(t, server, lines)
	require.Zero(t, filebeat.Stop())
}
