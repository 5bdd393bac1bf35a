// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package check

import (
	"github.com/magefile/mage/sh"

	"filebeat-websocket/build/tool"
)

const (
	linterPackage = "github.com/golangci/golangci-lint/v2/cmd/golangci-lint"
	linterVersion = "v2.15.0"
)

// Module finds what go mod tidy would change.
func Module() error { return sh.RunV("go", "mod", "tidy", "-diff") }

// Vet runs go vet, on the magefile too.
func Vet() error { return sh.RunV("go", "vet", "-tags=mage", "./...") }

// Lint runs golangci-lint, which it installs if it is not there.
func Lint() error {
	linter, err := tool.Install(tool.Cache, linterPackage, linterVersion)
	if err != nil {
		return err
	}
	return sh.RunV(linter, "run", "./...")
}
