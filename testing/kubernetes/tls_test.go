// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"context"
	"crypto/x509"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"

	"filebeat-websocket/testing/beattest"
)

// The overlay tls as it is, with a server that requires the certificate of a client and
// the token. There is no API server, so that the names of the files are all the
// metadata.
func TestOverlayTLSDeliversWithoutTheAPIServer(t *testing.T) {
	t.Parallel()
	const host = "logs.example.com"
	all, ca := load(t, "overlays/tls"), beattest.NewCA(t)
	n := newNode(t, all)
	n.given = tlsSecret(t, ca, "overlays/tls")
	n.names[host] = n.ip
	filebeat := newContainer(n, n.pod("DaemonSet filebeat-websocket"))

	certificate, key := beattest.WriteKeyPair(t, t.TempDir(), ca.IssueAs(func(template *x509.Certificate) { template.DNSNames = []string{host} }), "")
	folder := t.TempDir()
	n.write(filepath.Join(folder, "token"), string(n.secret("filebeat-websocket")["token"]))
	receiver := beattest.StartProcess(t, exec.CommandContext(context.WithoutCancel(t.Context()), beattest.Binary(t, "wsreceiver"),
		"--listen="+n.ip+":443", "--path=/ingest", "--tls-cert="+certificate, "--tls-key="+key, "--client-ca="+ca.File,
		"--token-file="+filepath.Join(folder, "token"), "--out="+filepath.Join(folder, "records")+"/"))

	// The pods of a server that nobody asks.
	k := &kubelet{t: t, dir: n.dir, api: startAPIServer(t, one[*rbacv1.ClusterRole](t, all, "filebeat-websocket")), stamp: time.Now()}
	l := k.start("default", "web-0", "app-server")
	l.writes(100)
	running := filebeat.start()
	arrived := &records{t: t, folder: filepath.Join(folder, "records"), read: map[string]int64{}, lines: map[int]record{}, times: map[int]int{}}
	arrived.wait(len(k.lines))
	for number, logged := range k.lines {
		stored := arrived.lines[number+1]
		require.Equal(t, logged.text, stored.Message)
		require.Equal(t, l.pod, stored.Kubernetes.Pod.Name)
		require.Equal(t, l.namespace, stored.Kubernetes.Namespace)
		require.True(t, strings.HasSuffix(stored.Log.File.Path, l.id+".log"))
	}
	require.Zero(t, running.Stop())
	require.Zero(t, receiver.Stop())
}
