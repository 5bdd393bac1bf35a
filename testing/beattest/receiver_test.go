// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package beattest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The script stands for a wsreceiver that was given port 4711 and finds it taken when it
// is started again.
func TestAReceiverStartsAgainAtItsAddressThoughThePortIsTakenForAWhile(t *testing.T) {
	folder := t.TempDir()
	program, arguments := filepath.Join(folder, "program"), filepath.Join(folder, "arguments")
	require.NoError(t, os.WriteFile(program, []byte(`#!/bin/sh
echo "$*" >>`+arguments+`
if [ $(wc -l <`+arguments+`) = 2 ]; then
	echo "listen tcp 127.0.0.1:4711: bind: address already in use" >&2
	exit 1
fi
echo "listening url=ws://127.0.0.1:4711/ingest "
exec sleep 60
`), 0o700))
	r := StartReceiverProgram(t, program, "--listen", "0.0.0.0:0")
	r.Kill()
	r.Start()
	content, err := os.ReadFile(arguments)
	require.NoError(t, err)
	starts := strings.Split(strings.TrimSpace(string(content)), "\n")
	require.Len(t, starts, 3)
	require.True(t, strings.HasSuffix(starts[0], "--listen 0.0.0.0:0"), starts[0])
	for _, again := range starts[1:] {
		require.True(t, strings.HasSuffix(again, "--listen 127.0.0.1:4711"), again)
	}
}
