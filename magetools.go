// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

//go:build mage

package main

import (
	"fmt"
	"os"
	"path"
	"path/filepath"

	"github.com/magefile/mage/sh"
)

// Tools that are programs of their own: as dependencies they would pull up the
// versions that Beats has pinned.
const (
	packagerPackage = "github.com/goreleaser/nfpm/v2/cmd/nfpm"
	packagerVersion = "v2.43.0"

	licenceDetectorPackage = "go.elastic.co/go-licence-detector"
	licenceDetectorVersion = "v0.11.1"
)

// installedTool returns the path of a Go program, which it installs into .cache
// if it is not there. The folder has the version in its name, so that a change
// of the version installs again.
func installedTool(importPath, version string) (string, error) {
	name := path.Base(importPath)
	folder, err := filepath.Abs(filepath.Join(".cache", name+"-"+version))
	if err != nil {
		return "", err
	}
	tool := filepath.Join(folder, name)
	if _, err := os.Stat(tool); err == nil {
		return tool, nil
	}
	fmt.Println("installing", name, version, "once")
	return tool, sh.RunWithV(map[string]string{"GOBIN": folder, "GOFLAGS": ""}, "go", "install", importPath+"@"+version)
}
