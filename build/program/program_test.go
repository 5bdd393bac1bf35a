// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package program

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const root = "../.."

// variables returns the package-level variables in the Go files of a folder.
func variables(t *testing.T, folder string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	require.NoError(t, err)
	require.NotEmpty(t, files, folder)
	found := map[string]bool{}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		require.NoError(t, err)
		for _, declaration := range parsed.Decls {
			general, ok := declaration.(*ast.GenDecl)
			if !ok || general.Tok != token.VAR {
				continue
			}
			for _, spec := range general.Specs {
				if values, ok := spec.(*ast.ValueSpec); ok {
					for _, name := range values.Names {
						found[name.Name] = true
					}
				}
			}
		}
	}
	return found
}

// The linker says nothing about a variable that is not there.
func TestProgramsHaveTheVariablesThatAreSet(t *testing.T) {
	t.Chdir(root)
	for _, program := range Programs {
		folder := filepath.Join("cmd", program.Name)
		if program.stamped != "main" {
			output, err := exec.CommandContext(t.Context(), "go", "list", "-f={{.Dir}}", program.stamped).Output()
			require.NoError(t, err)
			folder = strings.TrimSpace(string(output))
		}
		found := variables(t, folder)
		for _, name := range []string{"commit", "buildTime"} {
			require.True(t, found[name], "%s has no variable %s in %s", program.Name, name, program.stamped)
		}
	}
	require.True(t, variables(t, filepath.Join("cmd", Wsreceiver.Name))["version"])
}

func TestBuildSetsTheVariablesAndRepeatsItself(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.MkdirAll(filepath.Join("cmd", "hello"), 0o755))
	require.NoError(t, os.WriteFile("go.mod", []byte("module example.com/hello\n\ngo 1.21\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join("cmd", "hello", "main.go"), []byte(`package main

var version, commit, buildTime = "dev", "unknown", "unknown"

func main() { print(version, " ", commit, " ", buildTime) }
`), 0o600))
	hello := Program{"hello", "main"}

	built := func(stamp Stamp, output string) string {
		require.NoError(t, hello.Build(Platform{}, stamp, output))
		said, err := exec.CommandContext(t.Context(), "./"+output).CombinedOutput()
		require.NoError(t, err)
		return string(said)
	}
	stamp := Stamp{Version: "v1.2.3", Commit: "abc-dirty", Time: time.Unix(1700000000, 0).UTC()}
	require.Equal(t, "v1.2.3 abc-dirty 2023-11-14T22:13:20Z", built(stamp, "one"))
	require.Equal(t, "dev unknown unknown", built(Stamp{}, "none"))

	built(stamp, "other")
	one, err := os.ReadFile("one")
	require.NoError(t, err)
	other, err := os.ReadFile("other")
	require.NoError(t, err)
	require.Equal(t, one, other)
}
