// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package notice

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseModules(t *testing.T) {
	t.Run("sorts by path; only the version may be empty", func(t *testing.T) {
		modules, err := parseModules([]byte("b\tv1\tMIT\t/b/LICENSE\t/b\n\na\t\tMIT\t/a/LICENSE\t/a\n"))
		require.NoError(t, err)
		require.Equal(t, []Module{
			{Path: "a", Licence: "MIT", LicenceFile: "/a/LICENSE", Folder: "/a"},
			{Path: "b", Version: "v1", Licence: "MIT", LicenceFile: "/b/LICENSE", Folder: "/b"},
		}, modules)
	})
	for name, content := range map[string]string{
		"nothing":                 "\n",
		"a line without a folder": "a\tv1\tMIT\t/a/LICENSE\t\n",
		"a line with less":        "a\tv1\tMIT\n",
	} {
		t.Run(name+" is an error", func(t *testing.T) {
			_, err := parseModules([]byte(content))
			require.Error(t, err)
		})
	}
}

func TestListModules(t *testing.T) {
	t.Chdir("../..")
	list, err := listModules()
	require.NoError(t, err)
	folders := map[string]string{}
	for decoder := json.NewDecoder(bytes.NewReader(list)); decoder.More(); {
		var module struct{ Path, Dir string }
		require.NoError(t, decoder.Decode(&module))
		folders[module.Path] = module.Dir
	}
	for _, path := range []string{
		"std",
		"github.com/elastic/beats/v7",
		"github.com/gorilla/websocket",
		"golang.org/x/sys", // all of its packages are for single platforms
	} {
		require.DirExists(t, folders[path], path)
	}
	require.NotContains(t, folders, "filebeat-websocket", "it is not its own dependency")
	require.NotContains(t, folders, "github.com/stretchr/testify", "it is in tests, not in the programs")
}

func TestInModuleCache(t *testing.T) {
	t.Run("a module with a folder is there", func(t *testing.T) {
		require.NoError(t, inModuleCache(`{"Path": "example.com/a", "Dir": "/a"}`))
	})
	t.Run("a module without one is an error that says what to do", func(t *testing.T) {
		err := inModuleCache(`{"Path": "example.com/a", "Dir": "/a"} {"Path": "example.com/b"}`)
		require.ErrorContains(t, err, "example.com/b is not in the module cache; run: go mod download")
	})
	t.Run("a list that is cut off is an error", func(t *testing.T) {
		require.Error(t, inModuleCache(`{"Path": "example.com/a"`))
	})
}
