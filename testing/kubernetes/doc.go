// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package kubernetes holds the tests of the manifests in build/kubernetes. They
// are rendered, decoded as strictly as an API server would, and checked for what
// it does not check: that names, keys, ports, labels and rights fit together.
//
// Then a node is played: the DaemonSet's pod runs the real filebeat with the
// rendered configuration, in a root file system and with the mounts, the user and
// the capabilities that the manifest says, beside an API server that allows what
// the ClusterRole allows, while containers log, restart, rotate and vanish.
package kubernetes
