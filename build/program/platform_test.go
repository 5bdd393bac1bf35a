// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package program

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestChoosePlatforms(t *testing.T) {
	list := func(s string) *string { return &s }
	t.Run("no list is all of them", func(t *testing.T) {
		chosen, err := ChoosePlatforms(nil)
		require.NoError(t, err)
		require.Equal(t, Platforms, chosen)
	})
	t.Run("a list is those, in its order", func(t *testing.T) {
		chosen, err := ChoosePlatforms(list("windows/amd64,linux/arm64"))
		require.NoError(t, err)
		require.Equal(t, []Platform{{"windows", "amd64"}, {"linux", "arm64"}}, chosen)
	})
	for name, wrong := range map[string]string{
		"a platform that packages are not made for": "linux/amd64,plan9/amd64",
		"an empty list":       "",
		"a space in the list": "linux/amd64, linux/arm64",
	} {
		t.Run(name+" is an error that names the choices", func(t *testing.T) {
			_, err := ChoosePlatforms(list(wrong))
			require.ErrorContains(t, err, "windows/amd64")
		})
	}
}

func TestPlatform(t *testing.T) {
	t.Run("has static programs", func(t *testing.T) {
		require.Equal(t, map[string]string{"GOOS": "linux", "GOARCH": "arm64", "CGO_ENABLED": "0"}, Platform{"linux", "arm64"}.Env())
	})
	t.Run("leaves the choice to the environment if it is none", func(t *testing.T) {
		require.Equal(t, map[string]string{"CGO_ENABLED": "0"}, Platform{}.Env())
	})
	t.Run("names programs as the system wants them", func(t *testing.T) {
		require.Equal(t, "filebeat.exe", Platform{"windows", "amd64"}.Executable("filebeat"))
		require.Equal(t, "filebeat", Platform{"darwin", "arm64"}.Executable("filebeat"))
	})
}
