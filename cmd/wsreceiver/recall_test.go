// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What the receiver wrote before it was killed is confirmed and not written again,
// whether it was confirmed or not, and over a change of files.
func TestDeduplicationSurvivesAKill(t *testing.T) {
	binary := build(t)
	for _, name := range []string{"/out.ndjson", "/records/"} {
		out := t.TempDir() + name
		var lines []string
		for n := range 20_000 { // more than one file of 1 MiB
			lines = append(lines, fmt.Sprintf(`{"@timestamp":"2021-02-05T22:17:09.123Z","@metadata":{"_id":"%d"},"agent":{"id":"x"},"message":"line"}`, n))
		}
		all := strings.Join(lines, "\n") + "\n"
		for round := range 3 {
			command, log := launch(t, binary, "--format", "json_lines", "--rotate-bytes", "1MiB", "--out", out)
			url := log.url(t)
			if round > 0 {
				require.Contains(t, log.String(), "read ids back from the output")
				require.Contains(t, log.String(), fmt.Sprintf("ids=%d", 10_000*round))
			}
			sent := lines[:10_000*min(round+1, 2)]
			var messages []string
			for message := range slices.Chunk(sent, 1000) {
				messages = append(messages, strings.Join(message, "\n")+"\n")
			}
			shipAs(t, url, "one", messages...)
			require.NoError(t, command.Process.Kill())
			require.Error(t, command.Wait())
		}
		var written strings.Builder
		for _, file := range outputFiles(t, out) {
			content, err := os.ReadFile(file)
			require.NoError(t, err)
			written.Write(content)
		}
		require.Equal(t, all, written.String())
	}
}
