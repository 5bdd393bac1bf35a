// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package check

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"

	"github.com/magefile/mage/sh"
)

// needBinaries are the folders whose tests run ./filebeat or ./wsreceiver, or install the
// packages in build/dist.
var needBinaries = []string{
	"testing/attack", "testing/browser", "testing/docs", "testing/e2e", "testing/fleet", "testing/interop",
	"testing/kubernetes", "testing/package", "testing/readers", "testing/soak",
}

// Unit runs the tests that need no binaries, with the race detector.
func Unit() error {
	packages, err := unitPackages()
	if err != nil {
		return err
	}
	return sh.RunV("go", append([]string{"test", "-race"}, packages...)...)
}

// unitPackages returns the packages of this module that are not in needBinaries.
func unitPackages() ([]string, error) {
	all, err := sh.Output("go", "list", "./...")
	if err != nil {
		return nil, err
	}
	var packages []string
	for name := range strings.FieldsSeq(all) {
		needs := func(folder string) bool { return strings.Contains(name+"/", "/"+folder+"/") }
		if !slices.ContainsFunc(needBinaries, needs) {
			packages = append(packages, name)
		}
	}
	return packages, nil
}

// fuzzTarget is a target to run: go test -fuzz takes one at a time.
type fuzzTarget struct{ folder, name string }

// Fuzz runs every fuzz target for as long as each says, in the words of -fuzztime. A number
// of inputs, such as 1000x, is better than a time: when the time is up, the fuzzer may
// report its own deadline as a failure of the target. What it spends on making a new input
// smaller is limited too, since that can take a minute.
func Fuzz(each string) error {
	targets, err := fuzzTargets()
	if err != nil {
		return err
	}
	for _, target := range targets {
		fmt.Printf("%s in %s\n", target.name, target.folder)
		if err := sh.RunV("go", "test", "-run=^$", "-fuzz=^"+target.name+"$", "-fuzztime="+each, "-fuzzminimizetime=100x", target.folder); err != nil {
			return err
		}
	}
	return nil
}

// fuzzTargets returns the functions that go test takes for fuzz targets.
func fuzzTargets() ([]fuzzTarget, error) {
	files, err := sourceFiles("*_test.go")
	if err != nil {
		return nil, err
	}
	var targets []fuzzTarget
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, declaration := range parsed.Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if ok && function.Recv == nil && strings.HasPrefix(function.Name.Name, "Fuzz") {
				targets = append(targets, fuzzTarget{"./" + filepath.ToSlash(filepath.Dir(file)), function.Name.Name})
			}
		}
	}
	return targets, nil
}
