// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package program

import (
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var commitTime = time.Unix(1700000000, 0).UTC()

// git runs git in the working directory, without the settings of whoever runs the test.
func git(t *testing.T, args ...string) {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), "git", args...).CombinedOutput()
	require.NoErrorf(t, err, "git %v:\n%s", args, output)
}

// checkout makes a repository with one commit, of commitTime, the working directory.
func checkout(t *testing.T) {
	t.Helper()
	for name, value := range map[string]string{
		"GIT_CONFIG_GLOBAL": os.DevNull, "GIT_CONFIG_SYSTEM": os.DevNull,
		"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com",
		"GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.com",
		"GIT_COMMITTER_DATE": commitTime.Format(time.RFC3339),
		"SOURCE_DATE_EPOCH":  "",
	} {
		t.Setenv(name, value)
	}
	t.Chdir(t.TempDir())
	git(t, "init", "--quiet")
	require.NoError(t, os.WriteFile("file", []byte("one"), 0o600))
	git(t, "add", "file")
	git(t, "commit", "--quiet", "--message=one")
}

func readStamp(t *testing.T) Stamp {
	t.Helper()
	stamp, err := ReadStamp()
	require.NoError(t, err)
	return stamp
}

func TestReadStamp(t *testing.T) {
	t.Run("a commit without a tag has a hash and a time, and no version", func(t *testing.T) {
		checkout(t)
		stamp := readStamp(t)
		require.Regexp(t, "^[0-9a-f]{40}$", stamp.Commit)
		require.Equal(t, Stamp{Commit: stamp.Commit, Time: commitTime}, stamp)
	})
	t.Run("the version is the tag of the commit", func(t *testing.T) {
		checkout(t)
		git(t, "tag", "v1.2.3")
		git(t, "tag", "other")
		require.Equal(t, "v1.2.3", readStamp(t).Version)
	})
	t.Run("a changed file is said", func(t *testing.T) {
		checkout(t)
		require.NoError(t, os.WriteFile("file", []byte("two"), 0o600))
		require.Regexp(t, "^[0-9a-f]{40}-dirty$", readStamp(t).Commit)
	})
	t.Run("SOURCE_DATE_EPOCH takes the place of the commit's time", func(t *testing.T) {
		checkout(t)
		t.Setenv("SOURCE_DATE_EPOCH", "86400")
		require.Equal(t, time.Date(1970, 1, 2, 0, 0, 0, 0, time.UTC), readStamp(t).Time)
	})
	t.Run("a folder inside another repository has nothing of it", func(t *testing.T) {
		checkout(t)
		require.NoError(t, os.Mkdir("inside", 0o755))
		t.Chdir("inside")
		require.Zero(t, readStamp(t))
	})
	t.Run("a time that is not a number is an error", func(t *testing.T) {
		checkout(t)
		t.Setenv("SOURCE_DATE_EPOCH", "yesterday")
		_, err := ReadStamp()
		require.ErrorContains(t, err, "SOURCE_DATE_EPOCH")
	})
}

func TestLinkerFlags(t *testing.T) {
	for name, try := range map[string]struct {
		stamp Stamp
		want  string
	}{
		"nothing known sets nothing": {Stamp{}, "-s -w"},
		"all that is known is set": {
			Stamp{Version: "v1.2.3", Commit: "abc", Time: commitTime},
			"-s -w -X main.version=v1.2.3 -X main.commit=abc -X main.buildTime=2023-11-14T22:13:20Z",
		},
		"without a tag the version stays": {
			Stamp{Commit: "abc", Time: commitTime},
			"-s -w -X main.commit=abc -X main.buildTime=2023-11-14T22:13:20Z",
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, try.want, try.stamp.linkerFlags("main"))
		})
	}
}
