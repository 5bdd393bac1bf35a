// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
)

const (
	nodeName = "node-1"
	// patience is how long a test waits for what has to happen. It is generous, so
	// that tests pass on a slow machine.
	patience = 2 * time.Minute
)

// node is a simulated node: what its pods can see of one.
type node struct {
	t   *testing.T
	all objects
	// dir holds the node's folders.
	dir string
	// ip is the address of its pods, on loopback. No other test uses it.
	ip string
	// names are the Services' names, and the addresses they lead to.
	names map[string]string
	// given are Secrets that are not in the manifests.
	given map[string]map[string][]byte

	// account is the folder with the token of the pods' account.
	account          string
	apiHost, apiPort string
}

// newNode makes a node with the folders that the kubelet makes.
func newNode(t *testing.T, all objects) *node {
	t.Helper()
	n := &node{
		t: t, all: all, dir: t.TempDir(), account: t.TempDir(),
		ip:      fmt.Sprintf("127.%d.%d.%d", 1+rand.IntN(254), rand.IntN(256), 2+rand.IntN(250)),
		names:   map[string]string{},
		apiHost: "127.0.0.1", apiPort: "1",
	}
	for _, folder := range []string{"var/log/containers", "var/log/pods", "var/log/audit"} {
		require.NoError(t, os.MkdirAll(filepath.Join(n.dir, folder), 0o755))
	}
	return n
}

// join has the pods know the API server.
func (n *node) join(api *apiServer) {
	n.t.Helper()
	host, port, err := net.SplitHostPort(api.addr())
	require.NoError(n.t, err)
	n.apiHost, n.apiPort = host, port
	mode := int32(0o644)
	authority, err := os.ReadFile(api.authority)
	require.NoError(n.t, err)
	project(n.t, n.account, map[string][]byte{"token": []byte(api.token), "ca.crt": authority, "namespace": []byte("filebeat-websocket")}, &mode, 0)
}

func (n *node) write(path, content string) {
	n.t.Helper()
	require.NoError(n.t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(n.t, os.WriteFile(path, []byte(content), 0o755))
}

func (n *node) hosts() string {
	lines := "127.0.0.1 localhost\n"
	for name, address := range n.names {
		lines += address + " " + name + "\n"
	}
	return lines
}

func (n *node) configMap(name string) map[string][]byte {
	n.t.Helper()
	data := map[string][]byte{}
	for key, value := range one[*corev1.ConfigMap](n.t, n.all, name).Data {
		data[key] = []byte(value)
	}
	return data
}

func (n *node) secret(name string) map[string][]byte {
	n.t.Helper()
	if data, ok := n.given[name]; ok {
		return data
	}
	return one[*corev1.Secret](n.t, n.all, name).Data
}

// pod returns the pod that a workload makes.
func (n *node) pod(name string) workload {
	n.t.Helper()
	for _, pod := range pods(n.all) {
		if pod.name == name {
			return pod
		}
	}
	require.FailNow(n.t, "no such workload", name)
	return workload{}
}

// get returns the status of a page and, if wanted, reads it as JSON.
func (n *node) get(url string, into any) (status int, err error) {
	request, err := http.NewRequestWithContext(n.t.Context(), http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }()
	if into != nil {
		err = json.NewDecoder(response.Body).Decode(into)
	}
	return response.StatusCode, err
}
