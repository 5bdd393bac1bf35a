// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package tool

import (
	"fmt"
	"os"
	"path"
	"path/filepath"

	"github.com/magefile/mage/sh"
	"golang.org/x/mod/module"
)

// Cache is the folder for tools, below the root of the checkout.
const Cache = ".cache"

// Install returns the path of a Go program, and installs it first if it is not in cache.
// The name of its folder has the version, so a change of the version installs it again.
func Install(cache, importPath, version string) (string, error) {
	name := programName(importPath)
	folder, err := filepath.Abs(filepath.Join(cache, name+"-"+version))
	if err != nil {
		return "", err
	}
	program := filepath.Join(folder, name)
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	fmt.Println("installing", name, version, "once; this may take minutes")
	env := map[string]string{"GOBIN": folder, "GOFLAGS": ""}
	if err := sh.RunWithV(env, "go", "install", importPath+"@"+version); err != nil {
		return "", fmt.Errorf("installing %s %s: %w", name, version, err)
	}
	return program, nil
}

// programName is what `go install` calls a program: the last element of its path that
// is not a major version.
func programName(importPath string) string {
	if prefix, _, ok := module.SplitPathVersion(importPath); ok {
		importPath = prefix
	}
	return path.Base(importPath)
}
