// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package check

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

const root = "../.."

func git(t *testing.T, args ...string) {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), "git", args...).CombinedOutput()
	require.NoErrorf(t, err, "git %v:\n%s", args, output)
}

func write(t *testing.T, path, content string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
}

// checkout makes a repository with these files the working directory, and adds them.
func checkout(t *testing.T, files map[string]string) {
	t.Helper()
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	t.Setenv("GIT_CONFIG_SYSTEM", os.DevNull)
	t.Chdir(t.TempDir())
	git(t, "init", "--quiet")
	for path, content := range files {
		write(t, path, content)
	}
	git(t, "add", ".")
}

func TestSourceFiles(t *testing.T) {
	checkout(t, map[string]string{
		".gitignore": "/ignored/\n", "a.go": "", "below/b.go": "", "with späce.go": "", "a.txt": "", "deleted.go": "",
	})
	write(t, "untracked.go", "")
	write(t, "ignored/c.go", "")
	require.NoError(t, os.Remove("deleted.go"))
	files, err := sourceFiles("*.go")
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"a.go", "below/b.go", "with späce.go", "untracked.go"}, files)
}

func TestFormat(t *testing.T) {
	checkout(t, map[string]string{"good.go": "package good\n\nvar x = 1\n"})
	require.NoError(t, Format())
	write(t, "below/bad.go", "package bad\nvar  x = 1\n")
	write(t, "long.go", "package good\n\nvar y = []int{1}\n\nvar z = y[0:len(y)]\n") // -s
	err := Format()
	require.ErrorContains(t, err, "below/bad.go")
	require.ErrorContains(t, err, "long.go")
	require.NotContains(t, err.Error(), "good.go")
}

func TestHeaders(t *testing.T) {
	checkout(t, map[string]string{"good.go": header + "package good\n", "other.md": "# Title\n"})
	require.NoError(t, Headers())
	write(t, "none.go", "package bad\n")
	write(t, "below/adjacent.go", header[:len(header)-1]+"package bad\n") // would be the package's doc
	err := Headers()
	require.ErrorContains(t, err, "none.go does not begin")
	require.ErrorContains(t, err, "below/adjacent.go does not begin")
	require.NotContains(t, err.Error(), "good.go")
}

func TestPaths(t *testing.T) {
	home := t.TempDir()
	for name, try := range map[string]struct {
		content func(here string) string
		bad     bool
	}{
		"the checkout":                        {func(here string) string { return "cd " + here }, true},
		"a file in the checkout":              {func(here string) string { return "(" + here + "/file)" }, true},
		"the home folder":                     {func(string) string { return "HOME=" + home }, true},
		"a relative path":                     {func(string) string { return "cd ./build" }, false},
		"a folder whose name only begins so":  {func(here string) string { return here + "-other" }, false},
		"a longer path that ends in the same": {func(here string) string { return "/chroot" + here }, false},
	} {
		t.Run(name, func(t *testing.T) {
			checkout(t, map[string]string{"README.md": "# Title\n"})
			t.Setenv("HOME", home)
			here, err := os.Getwd()
			require.NoError(t, err)
			write(t, "untracked.md", "# Title\n\n"+try.content(here)+"\n")
			err = Paths()
			if try.bad {
				require.ErrorContains(t, err, "untracked.md:3:")
			} else {
				require.NoError(t, err)
			}
		})
	}
}
