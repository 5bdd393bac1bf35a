// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package check

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestUnitPackages(t *testing.T) {
	t.Chdir(root)
	packages, err := unitPackages()
	require.NoError(t, err)
	for _, name := range []string{"outputs/websocket", "receiver", "cmd/wsreceiver", "build/check", "testing/beattest", "testing/wstest"} {
		require.Contains(t, packages, "filebeat-websocket/"+name)
	}
	for _, folder := range needBinaries {
		for _, name := range packages {
			require.NotContains(t, name+"/", "/"+folder+"/")
		}
		require.DirExists(t, folder)
	}
}

// startsBinary finds calls of beattest that need ./filebeat or ./wsreceiver.
var startsBinary = regexp.MustCompile(`beattest\.(?:Binary|StartFilebeat\w*|StartReceiver\w*)\(`)

func TestTestsThatStartTheBinariesAreNotUnitTests(t *testing.T) {
	t.Chdir(root)
	packages, err := unitPackages()
	require.NoError(t, err)
	for _, name := range packages {
		files, err := filepath.Glob(filepath.Join(strings.TrimPrefix(name, "filebeat-websocket/"), "*_test.go"))
		require.NoError(t, err)
		for _, file := range files {
			content, err := os.ReadFile(file)
			require.NoError(t, err)
			require.NotRegexp(t, startsBinary, string(content), file)
		}
	}
}

func TestFuzzTargets(t *testing.T) {
	checkout(t, map[string]string{
		"a/a_test.go": "package a\n\nfunc FuzzOne(f *testing.F) {\n}\n\nfunc TestNot(t *testing.T) {}\n\nfunc FuzzTwo(f *testing.F) {}\n",
		"b/b_test.go": "package b\n\nfunc FuzzOne(f *testing.F) {}\n",
		"b/b.go":      "package b\n\nfunc FuzzNotInATest() {}\n",
		"c/c_test.go": "package c\n\nconst text = `\nfunc FuzzInAString(f *testing.F) {}\n`\n\nfunc (m method) FuzzMethod() {}\n",
	})
	targets, err := fuzzTargets()
	require.NoError(t, err)
	require.Equal(t, []fuzzTarget{{"./a", "FuzzOne"}, {"./a", "FuzzTwo"}, {"./b", "FuzzOne"}}, targets)
}

func TestFuzzFindsTheInputThatFails(t *testing.T) {
	const testFile = `package a

import "testing"

func FuzzOne(f *testing.F) {
	f.Add("seed")
	f.Fuzz(func(t *testing.T, s string) {
		if CONDITION {
			t.Fatal("too long")
		}
	})
}
`
	checkout(t, map[string]string{
		"go.mod":      "module example.com/a\n\ngo 1.21\n",
		"a/a_test.go": strings.Replace(testFile, "CONDITION", "false", 1),
	})
	require.NoError(t, Fuzz("10x"))
	write(t, "a/a_test.go", strings.Replace(testFile, "CONDITION", `s != "seed"`, 1))
	require.Error(t, Fuzz("10x"))
}
