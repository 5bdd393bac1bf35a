// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package program

import (
	"github.com/magefile/mage/sh"

	"filebeat-websocket/build/beats"
)

// Program is a command in cmd/.
type Program struct {
	Name string
	// stamped is the import path of the package whose variables version, commit and
	// buildTime the linker sets.
	stamped string
}

var (
	// Wsreceiver has a deb and an rpm of its own.
	Wsreceiver = Program{"wsreceiver", "main"}
	// Wscheck is for those who write receivers; it is in the packages of Wsreceiver.
	Wscheck = Program{"wscheck", "main"}
)

// Programs are all that is built and shipped.
var Programs = []Program{{"filebeat", beats.Module + "/libbeat/version"}, Wsreceiver, Wscheck}

// Build builds the program into the file output, with the profile beside it if there is one.
func (p Program) Build(platform Platform, stamp Stamp, output string) error {
	return p.build(platform, stamp, output, "-pgo=auto")
}

func (p Program) build(platform Platform, stamp Stamp, output, profile string) error {
	return sh.RunWithV(platform.Env(), "go", "build",
		profile,
		"-trimpath",
		"-buildvcs=false", // the stamp says it too, and Go's own fails where git does not trust the folder's owner
		"-ldflags", stamp.linkerFlags(p.stamped),
		"-o", output, "./cmd/"+p.Name)
}

// BuildAll builds the programs for this machine into the root of the checkout.
func BuildAll() error { return buildAll("-pgo=auto") }

// BuildFast does the same without the profiles, for which all dependencies would be compiled
// once more.
func BuildFast() error { return buildAll("-pgo=off") }

func buildAll(profile string) error {
	stamp, err := ReadStamp()
	if err != nil {
		return err
	}
	for _, program := range Programs {
		if err := program.build(Platform{}, stamp, program.Name, profile); err != nil {
			return err
		}
	}
	return nil
}
