// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package beats

import (
	"testing"

	"github.com/stretchr/testify/require"
)

const ourModule = `module filebeat-websocket

go 1.26.0

require (
	example.com/other v1.0.0
	github.com/elastic/beats/v7 v7.1.0
)

// Replaces have to be repeated.
replace (
	example.com/changed => example.com/fork v1.0.0
	example.com/gone => example.com/fork v1.0.0
	example.com/same => example.com/same v1.0.0
	example.com/ours => ../ours
)
`

const theirModule = `module github.com/elastic/beats/v7

go 1.22.0

require github.com/google/gopacket v1.1.18

replace (
	example.com/same => example.com/same v1.0.0
	example.com/changed => example.com/fork v2.0.0
	example.com/versioned v1.2.3 => example.com/fork v3.0.0
	example.com/theirs => ./dev-tools/theirs
	github.com/google/gopacket => github.com/elastic/gopacket v1.1.20
)
`

const pinnedModule = `module filebeat-websocket

go 1.26.0

require (
	example.com/other v1.0.0
	github.com/elastic/beats/v7 v7.2.0
)

// Replaces have to be repeated.
replace (
	example.com/changed => example.com/fork v2.0.0
	example.com/ours => ../ours
	example.com/same => example.com/same v1.0.0
	example.com/versioned v1.2.3 => example.com/fork v3.0.0
)
`

func TestPinnedGoMod(t *testing.T) {
	t.Run("takes the version and its replaces", func(t *testing.T) {
		pinned, err := pin([]byte(ourModule), []byte(theirModule), "v7.2.0")
		require.NoError(t, err)
		require.Equal(t, pinnedModule, string(pinned))
	})
	t.Run("the same version again changes nothing", func(t *testing.T) {
		pinned, err := pin([]byte(pinnedModule), []byte(theirModule), "v7.2.0")
		require.NoError(t, err)
		require.Equal(t, pinnedModule, string(pinned))
	})
	for name, try := range map[string]struct{ ours, theirs, version, want string }{
		"the go.mod of something else":    {ourModule, ourModule, "v7.2.0", "does not belong to"},
		"another major version":           {ourModule, theirModule, "v8.0.0", "v8.0.0"},
		"something that is not a version": {ourModule, theirModule, "latest", "latest"},
		"a go.mod of ours with an error":  {"modul x", theirModule, "v7.2.0", "go.mod"},
		"one of theirs with an error":     {ourModule, "modul x", "v7.2.0", "go.mod of Beats"},
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			_, err := pin([]byte(try.ours), []byte(try.theirs), try.version)
			require.ErrorContains(t, err, try.want)
		})
	}
}
