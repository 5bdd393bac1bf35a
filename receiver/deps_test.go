// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestWhatImportingReceiverBrings holds what the package says of itself: it is
// small to import, and pages and metrics are for those who ask for them.
func TestWhatImportingReceiverBrings(t *testing.T) {
	output, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".").Output()
	require.NoError(t, err)
	forDecode, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "./decode").Output()
	require.NoError(t, err)
	require.Contains(t, string(forDecode), "github.com/tinylib/msgp/msgp\n")
	for _, network := range []string{"net/http\n", "websocket\n", "filebeat-websocket/receiver\n"} {
		require.NotContains(t, string(forDecode), network)
	}
	allowed := []string{
		"filebeat-websocket/receiver",
		"filebeat-websocket/receiver/budget",
		"filebeat-websocket/receiver/decode",
		"filebeat-websocket/receiver/handshake",
		"filebeat-websocket/receiver/internal/",
		"filebeat-websocket/protocol",
		"filebeat-websocket/protocol/deflate",
		"filebeat-websocket/protocol/forward",
		"filebeat-websocket/protocol/frames",
		"github.com/gorilla/websocket",
		"github.com/klauspost/compress", // what it shares between its codecs
		"github.com/klauspost/compress/",
		"github.com/philhofer/fwd", // msgp's
		"github.com/tinylib/msgp/msgp",
	}
	for path := range strings.Lines(string(output)) {
		path = strings.TrimSpace(path)
		isAllowed := false
		for _, prefix := range allowed {
			isAllowed = isAllowed || path == prefix || strings.HasSuffix(prefix, "/") && strings.HasPrefix(path, prefix)
		}
		require.True(t, isAllowed, "%s is brought by importing receiver", path)
	}
	require.Contains(t, string(output), "github.com/gorilla/websocket\n")
}
