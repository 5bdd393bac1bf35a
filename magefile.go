// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

//go:build mage

// Filebeat with output.websocket, wsreceiver and wscheck. Run a target with: go tool mage TARGET
package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/magefile/mage/mg"
	"github.com/magefile/mage/sh"

	"filebeat-websocket/build/beats"
	"filebeat-websocket/build/check"
	"filebeat-websocket/build/dashboards"
	"filebeat-websocket/build/notice"
	"filebeat-websocket/build/program"
	"filebeat-websocket/build/reference"
	"filebeat-websocket/build/release"
)

// Default is the target of a bare `go tool mage`.
var Default = Build

// The profiles beside the programs are only for the shipped programs: with them, tests and
// checks would compile all of Beats again.
func init() {
	if err := os.Setenv("GOFLAGS", strings.TrimSpace("-pgo=off "+os.Getenv("GOFLAGS"))); err != nil {
		panic(err) // every system accepts that name
	}
}

// Build builds ./filebeat, ./wsreceiver and ./wscheck, static and reproducible.
func Build() error { return program.BuildAll() }

// fast builds them for tests and the demo: half the work, and a few percent slower.
func fast() error { return program.BuildFast() }

// Run runs ./filebeat with ./filebeat.yml until Ctrl-C.
func Run() error {
	mg.Deps(fast)
	// The file has the permissions that git gave it, which may be too wide for filebeat.
	return sh.RunV("./filebeat", "-e", "-c", "filebeat.yml", "--strict.perms=false")
}

// Demo shows the lines of a growing log arrive at wsreceiver. DEMO_SECONDS=10 ends it after 10 seconds.
func Demo() error {
	mg.Deps(fast)
	// Not `go run`, which reports Ctrl-C as a failure.
	if err := sh.RunV("go", "build", "-o", ".cache/demo", "./testing/demo"); err != nil {
		return err
	}
	return sh.RunV(".cache/demo")
}

// Test runs the unit tests with the race detector, then the end-to-end tests.
func Test() error {
	if err := check.Unit(); err != nil {
		return err
	}
	return E2E()
}

// E2E runs the end-to-end tests: the real programs against misbehaving servers, the claims of the documents, hostile clients, and a short soak.
func E2E() error {
	mg.Deps(fast)
	// One package after the other: they measure times.
	return sh.RunV("go", "test", "-p=1", "-count=1", "-timeout=30m", "./testing/attack", "./testing/docs", "./testing/e2e", "./testing/soak")
}

// Interop ships lines through third-party servers and proxies, reads every format with Python and Node, and kills receivers behind HAProxy. Needs Debian, node and npm, and installs the rest.
func Interop() error {
	mg.Deps(fast)
	return sh.RunV("go", "test", "-p=1", "-count=1", "-timeout=20m", "./testing/interop", "./testing/readers", "./testing/fleet")
}

// Browser tests the live tail in Chromium. Needs Debian, node and npm, and installs the rest.
func Browser() error {
	mg.Deps(fast)
	return sh.RunV("go", "test", "-count=1", "-timeout=10m", "./testing/browser")
}

// Kubernetes checks the manifests, and runs their filebeat.yml on a simulated node. Needs root.
func Kubernetes() error {
	mg.Deps(fast)
	return sh.RunV("go", "test", "-count=1", "-timeout=10m", "./testing/kubernetes")
}

// Soak ships lines under random faults for 10m, or -length=1h; -seed=N repeats the faults of an earlier run; -once kills both programs instead, and counts each line.
func Soak(length *time.Duration, seed *int, once *bool) error {
	mg.Deps(fast)
	duration, args := 10*time.Minute, []string{"test", "-v", "-count=1", "-timeout=0", "./testing/soak"}
	if length != nil {
		duration = *length
	}
	test := "^TestSoak$"
	if once != nil && *once {
		test = "^TestSoakOnce$"
	}
	args = append(args, "-run="+test, "-soak.for="+duration.String())
	if seed != nil {
		args = append(args, fmt.Sprintf("-soak.seed=%d", *seed))
	}
	return sh.RunV("go", args...)
}

// Fleet kills receivers behind HAProxy, and the engines behind them, for 30m or -length=1h, and counts the lines. Needs Debian.
func Fleet(length *time.Duration) error {
	mg.Deps(fast)
	duration := 30 * time.Minute
	if length != nil {
		duration = *length
	}
	return sh.RunV("go", "test", "-v", "-count=1", "-timeout=0", "./testing/fleet", "-run=Once", "-fleet.for="+duration.String())
}

// Attack runs hostile clients against wsreceiver, for 30m or -length=1h on each kind of listener, and prints the costs. Needs root.
func Attack(length *time.Duration) error {
	mg.Deps(fast)
	duration := 30 * time.Minute
	if length != nil {
		duration = *length
	}
	return sh.RunV("go", "test", "-v", "-count=1", "-timeout=0", "./testing/attack", "-attack.each=5s", "-attack.for="+duration.String())
}

// Fuzz runs every fuzz target on 50000 inputs, or as -each says: -each=10000x, -each=10m.
func Fuzz(each *string) error {
	if each == nil {
		return check.Fuzz("50000x")
	}
	return check.Fuzz(*each)
}

// Bench compares the output with its goals of cost, throughput, memory and latency, and measures wsreceiver. Takes most of an hour.
func Bench() error {
	mg.Deps(Build)
	if err := sh.RunV("go", "run", "./testing/bench"); err != nil {
		return err
	}
	return sh.RunV("go", "run", "./testing/bench/replay")
}

// Lint runs golangci-lint, which it installs into .cache once.
func Lint() error { return check.Lint() }

// Check reports what a commit must not have: wrong format, headers, paths or go.mod, outdated generated files, findings of vet and the linter.
func Check() {
	mg.SerialDeps(check.Format, check.Headers, check.Paths, check.Module, check.Notice, check.Reference, check.Dashboards, check.Vet, check.Lint)
}

// Package writes archives, debs, rpms, SBOMs and checksums to build/dist: for all platforms, or -platforms=linux/amd64 -version=1.2.3.
func Package(platforms, version *string) error {
	return release.Packages(release.Options{Platforms: platforms, Version: version})
}

// Release writes all that is published as a version to build/dist, with notes from CHANGELOG.md: -version=0.1.0. It refuses a checkout with changes.
func Release(version, platforms *string) error {
	if version == nil {
		return errors.New("name the version: -version=" + program.Version)
	}
	return release.Release(*version, platforms)
}

// PackageTest makes the packages for linux/amd64, and installs, upgrades and removes them. Needs root.
func PackageTest() error {
	mg.Deps(fast)
	platforms := "linux/amd64"
	if err := release.Packages(release.Options{Platforms: &platforms}); err != nil {
		return err
	}
	return sh.RunV("go", "test", "-count=1", "-timeout=30m", "./testing/package")
}

// Image writes the files of the container images to build/image, for build/docker/Dockerfile.
func Image() error { return release.Image() }

// BeatsVersion pins another version of Beats, with its replaces, and runs the tests; -dry only shows go.mod.
func BeatsVersion(version string, dry *bool) error {
	look := dry != nil && *dry
	if changed, err := beats.Pin(version, look); err != nil || !changed || look {
		return err
	}
	mg.SerialDeps(Notice, Reference, Test)
	return nil
}

// Notice writes NOTICE.txt from the licences of the modules in the programs.
func Notice() error { return notice.Write() }

// Reference writes filebeat.reference.yml from the templates in build/reference and those of Beats.
func Reference() error { return reference.Write() }

// Dashboards writes the dashboards for Grafana from their description.
func Dashboards() error { return dashboards.Write() }
