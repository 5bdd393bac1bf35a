// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

//go:build mage

package main

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/magefile/mage/sh"
)

// The profiles beside the programs are for the binaries that are shipped: tests
// and checks would compile all of Beats once more with them.
func init() {
	if err := os.Setenv("GOFLAGS", strings.TrimSpace("-pgo=off "+os.Getenv("GOFLAGS"))); err != nil {
		panic(err) // no system refuses that name
	}
}

// stamp is what a binary says about its origin. Empty fields leave the values
// of the source: a folder that is no git checkout can be built too.
type stamp struct {
	version   string // tag of the commit
	commit    string
	buildTime string // RFC 3339, of the commit, so that builds can be repeated
}

func readStamp() (s stamp, err error) {
	seconds := os.Getenv("SOURCE_DATE_EPOCH")
	// Another repository may hold this folder; its commits say nothing here.
	if _, err := os.Stat(".git"); err == nil {
		if s.commit, err = sh.Output("git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"); err != nil {
			return s, err
		}
		if s.version, err = sh.Output("git", "tag", "--points-at=HEAD", "v*"); err != nil {
			return s, err
		}
		if seconds == "" {
			if seconds, err = sh.Output("git", "show", "--no-patch", "--format=%ct", "HEAD"); err != nil {
				return s, err
			}
		}
	}
	if seconds == "" {
		return s, nil
	}
	unix, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return s, fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
	}
	s.buildTime = time.Unix(unix, 0).UTC().Format(time.RFC3339)
	return s, nil
}

// flags sets the variables of a package; the linker ignores those it lacks.
func (s stamp) flags(importPath string) string {
	flags := []string{"-s", "-w"}
	for _, set := range [][2]string{{"version", s.version}, {"commit", s.commit}, {"buildTime", s.buildTime}} {
		if set[1] != "" {
			flags = append(flags, fmt.Sprintf("-X %s.%s=%s", importPath, set[0], set[1]))
		}
	}
	return strings.Join(flags, " ")
}

// goBuild builds the command of that name. The stamp takes the place of Go's
// own, which fails where git does not trust the folder's owner.
func goBuild(command, linkerFlags string) error {
	return sh.RunWithV(map[string]string{"CGO_ENABLED": "0"},
		"go", "build", "-pgo=auto", "-trimpath", "-buildvcs=false", "-ldflags", linkerFlags, "-o", command, "./cmd/"+command)
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
