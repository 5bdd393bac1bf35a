// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package program

import (
	"fmt"
	"slices"
	"strings"
)

// Platform is what a program runs on, in Go's words. The zero one is whatever the go
// command builds for: the machine it runs on, unless the environment says otherwise.
type Platform struct{ GOOS, GOARCH string }

// Platforms are those that packages are made for.
var Platforms = []Platform{
	{"linux", "amd64"},
	{"linux", "arm64"},
	{"darwin", "amd64"},
	{"darwin", "arm64"},
	{"windows", "amd64"},
}

func (p Platform) String() string { return p.GOOS + "/" + p.GOARCH }

// Env is the environment of a go command for the platform. Programs are static.
func (p Platform) Env() map[string]string {
	env := map[string]string{"CGO_ENABLED": "0"}
	if p != (Platform{}) {
		env["GOOS"], env["GOARCH"] = p.GOOS, p.GOARCH
	}
	return env
}

// Executable is the name of a program's file.
func (p Platform) Executable(name string) string {
	if p.GOOS == "windows" {
		return name + ".exe"
	}
	return name
}

// ChoosePlatforms reads a list such as linux/amd64,darwin/arm64; nil is all of Platforms.
func ChoosePlatforms(list *string) ([]Platform, error) {
	if list == nil {
		return Platforms, nil
	}
	var chosen []Platform
	for name := range strings.SplitSeq(*list, ",") {
		found := slices.IndexFunc(Platforms, func(p Platform) bool { return p.String() == name })
		if found < 0 {
			return nil, fmt.Errorf("platforms: %q is not one of %v", name, Platforms)
		}
		chosen = append(chosen, Platforms[found])
	}
	return chosen, nil
}
