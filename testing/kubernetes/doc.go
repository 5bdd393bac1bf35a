// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package kubernetes holds the tests of the manifests in build/kubernetes and of the
// chart in build/helm, which are the same where both say the same. They are rendered,
// decoded as strictly as an API server would, and checked for what it does not check:
// that names, keys, ports, labels and rights fit together. The services of build/compose
// run in the same simulated containers.
//
// Other tests simulate a node. The pod of the DaemonSet runs the real filebeat with
// the rendered configuration, in a root file system of its own, and with the mounts,
// the user and the capabilities of the manifest. The API server allows only what the
// ClusterRole allows. Containers log, restart, rotate their logs and vanish.
package kubernetes
