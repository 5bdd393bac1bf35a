// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package installtest installs what `go tool mage package` has put into
// build/dist, as users would, on throwaway machines: overlays of this machine in
// namespaces of their own. It follows the documents of installation and leaves nothing
// behind.
package installtest
