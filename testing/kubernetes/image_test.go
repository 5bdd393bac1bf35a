// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"encoding/json"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
)

// image is what build/docker/Dockerfile says of one.
type image struct {
	entrypoint []string
	env        []string
	user       string
	// binary is the program at the root of the module that is at entrypoint[0].
	binary string
}

var (
	stageLine    = regexp.MustCompile(`(?m)^FROM scratch AS (\w+)$`)
	continuation = regexp.MustCompile(`\\\n\s*`)
)

// readImage returns the image of the Dockerfile that has the program.
func readImage(t *testing.T, program string) image {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(beattest.Root(t), "build", "docker", "Dockerfile"))
	require.NoError(t, err)
	stages := stageLine.FindAllStringSubmatchIndex(string(content), -1)
	for number, at := range stages {
		if string(content[at[2]:at[3]]) != program {
			continue
		}
		end := len(content)
		if number+1 < len(stages) {
			end = stages[number+1][0]
		}
		found := image{binary: beattest.Binary(t, program)}
		for text := range strings.Lines(continuation.ReplaceAllString(string(content[at[0]:end]), " ")) {
			instruction, value, _ := strings.Cut(strings.TrimSpace(text), " ")
			switch instruction {
			case "ENTRYPOINT":
				require.NoError(t, json.Unmarshal([]byte(value), &found.entrypoint))
			case "ENV":
				found.env = append(found.env, strings.Fields(value)...)
			case "USER":
				found.user = value
			}
		}
		require.NotEmpty(t, found.entrypoint)
		return found
	}
	require.FailNow(t, "no such stage in the Dockerfile", program)
	return image{}
}

// imageOf are the programs of the images that the manifests name.
func imageOf(t *testing.T, name string) image {
	t.Helper()
	name, _, _ = strings.Cut(path.Base(name), ":")
	program, ok := map[string]string{"filebeat-websocket": "filebeat", "wsreceiver": "wsreceiver"}[name]
	require.True(t, ok, name)
	return readImage(t, program)
}
