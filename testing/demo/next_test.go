// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheDemoSaysItsPort(t *testing.T) {
	require.Contains(t, listening("ws://127.0.0.1:8080/ingest"), "listens on 127.0.0.1:8080,")
	require.NotContains(t, listening("ws://127.0.0.1:8080/ingest"), "Another program")
	require.Contains(t, listening("ws://127.0.0.1:40123/"), "listens on 127.0.0.1:40123, for this machine only. Another program has 127.0.0.1:8080.")
}

// The commands at the end of the demo are those of the README, which a test runs.
func TestTheDemoEndsWithTheCommandsOfTheReadme(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	commands := 0
	for line := range strings.Lines(next) {
		if _, command, found := strings.Cut(line, ". ./"); found {
			commands++
			require.Contains(t, string(readme), "\n./"+command)
		}
	}
	require.Equal(t, 2, commands)
}
