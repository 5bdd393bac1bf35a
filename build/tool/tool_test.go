// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package tool

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

const hello = "example.com/hello/v2"

// serveHello has Go fetch everything from a folder that holds one module, which prints
// its version, in versions v2.0.0 and v2.1.0.
func serveHello(t *testing.T) {
	t.Helper()
	proxy := t.TempDir()
	served := filepath.Join(proxy, filepath.FromSlash(hello), "@v")
	require.NoError(t, os.MkdirAll(served, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(served, "list"), []byte("v2.0.0\nv2.1.0\n"), 0o600))
	for _, version := range []string{"v2.0.0", "v2.1.0"} {
		source := t.TempDir()
		goMod := "module " + hello + "\n\ngo 1.21\n"
		program := fmt.Sprintf("package main\n\nfunc main() { print(%q) }\n", version)
		for path, content := range map[string]string{
			filepath.Join(source, "go.mod"):        goMod,
			filepath.Join(source, "main.go"):       program,
			filepath.Join(served, version+".mod"):  goMod,
			filepath.Join(served, version+".info"): fmt.Sprintf(`{"Version": %q}`, version),
		} {
			require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		}
		archive, err := os.Create(filepath.Join(served, version+".zip"))
		require.NoError(t, err)
		require.NoError(t, zip.CreateFromDir(archive, module.Version{Path: hello, Version: version}, source))
		require.NoError(t, archive.Close())
	}
	modules := t.TempDir()
	t.Setenv("GOPROXY", "file://"+filepath.ToSlash(proxy))
	t.Setenv("GOMODCACHE", modules)
	t.Setenv("GOSUMDB", "off")
	t.Setenv("GOTOOLCHAIN", "local")
	t.Cleanup(func() { // Go makes the files of the cache read-only.
		//nolint:noctx // the test's context is over
		clean := exec.Command("go", "clean", "-modcache")
		clean.Env = append(os.Environ(), "GOMODCACHE="+modules)
		require.NoError(t, clean.Run())
	})
}

func TestInstall(t *testing.T) {
	serveHello(t)
	cache := t.TempDir()
	t.Setenv("GOFLAGS", "-mod=vendor") // what a desk may have set, which go install refuses

	install := func(t *testing.T, version string) string {
		t.Helper()
		program, err := Install(cache, hello, version)
		require.NoError(t, err)
		return program
	}
	t.Run("puts the program into a folder named after it and its version", func(t *testing.T) {
		program := install(t, "v2.0.0")
		require.Equal(t, filepath.Join(cache, "hello-v2.0.0", "hello"), program)
		output, err := exec.CommandContext(t.Context(), program).CombinedOutput()
		require.NoError(t, err)
		require.Equal(t, "v2.0.0", string(output))
	})
	t.Run("takes a program that is there as it is", func(t *testing.T) {
		require.NoError(t, os.WriteFile(install(t, "v2.0.0"), []byte("mine"), 0o600))
		content, err := os.ReadFile(install(t, "v2.0.0"))
		require.NoError(t, err)
		require.Equal(t, "mine", string(content))
	})
	t.Run("installs another version beside it", func(t *testing.T) {
		output, err := exec.CommandContext(t.Context(), install(t, "v2.1.0")).CombinedOutput()
		require.NoError(t, err)
		require.Equal(t, "v2.1.0", string(output))
	})
	t.Run("names the program and the version that cannot be had", func(t *testing.T) {
		_, err := Install(cache, hello, "v2.9.9")
		require.ErrorContains(t, err, "hello v2.9.9")
	})
	t.Run("returns an absolute path for a relative cache", func(t *testing.T) {
		t.Chdir(filepath.Dir(cache))
		program, err := Install(filepath.Base(cache), hello, "v2.1.0")
		require.NoError(t, err)
		require.True(t, filepath.IsAbs(program), program)
	})
}

func TestProgramName(t *testing.T) {
	for importPath, want := range map[string]string{
		"example.com/tool":                   "tool",
		"example.com/tool/v2":                "tool",
		"example.com/tools/v2/cmd/some-lint": "some-lint",
	} {
		require.Equal(t, want, programName(importPath))
	}
}
