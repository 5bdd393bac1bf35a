// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

//go:build mage

package main

import (
	"os"
	"slices"
	"strings"

	"github.com/magefile/mage/sh"
)

// The profiles beside the programs are for the binaries that are shipped: tests
// and checks would compile all of Beats once more with them.
func init() {
	if err := os.Setenv("GOFLAGS", strings.TrimSpace("-pgo=off "+os.Getenv("GOFLAGS"))); err != nil {
		panic(err) // no system refuses that name
	}
}

// needBinaries are the folders of tests that run ./filebeat or ./wsreceiver, or
// install what build/dist has.
var needBinaries = []string{
	"/testing/browser/", "/testing/docs/", "/testing/e2e/", "/testing/interop/", "/testing/kubernetes/", "/testing/package/", "/testing/readers/", "/testing/soak/",
}

// unitPackages are all but those.
func unitPackages() ([]string, error) {
	all, err := sh.Output("go", "list", "./...")
	if err != nil {
		return nil, err
	}
	var packages []string
	for name := range strings.FieldsSeq(all) {
		needs := func(folder string) bool { return strings.Contains(name+"/", folder) }
		if !slices.ContainsFunc(needBinaries, needs) {
			packages = append(packages, name)
		}
	}
	return packages, nil
}
