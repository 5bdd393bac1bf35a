// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
)

func TestDocsShowTheConfigurationOfHAProxy(t *testing.T) {
	document, err := os.ReadFile(filepath.Join(beattest.Root(t), "docs", "receiver.md"))
	require.NoError(t, err)
	config, err := os.ReadFile(filepath.Join("testdata", "haproxy.cfg"))
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(document), "<!-- haproxy.cfg: begin -->\n```\n")
	require.True(t, found)
	shown, _, found := strings.Cut(rest, "```\n<!-- haproxy.cfg: end -->\n")
	require.True(t, found)
	require.Equal(t, string(config), shown)
}
