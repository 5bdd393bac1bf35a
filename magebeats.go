// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

//go:build mage

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"

	"github.com/magefile/mage/sh"

	"filebeat-websocket/build/release"
)

// pinBeats rewrites go.mod for a version of Beats, unless dry is set, and reports
// whether there is anything to change.
func pinBeats(version string, dry bool) (changed bool, err error) {
	// The go.mod alone is fetched first: a wrong version changes nothing.
	answer, err := sh.Output("go", "list", "-m", "-json", release.Beats+"@"+version)
	if err != nil {
		return false, err
	}
	var module struct{ Version, GoMod string }
	if err := json.Unmarshal([]byte(answer), &module); err != nil {
		return false, err
	}
	theirs, err := os.ReadFile(module.GoMod)
	if err != nil {
		return false, fmt.Errorf("go.mod of %s: %w", module.Version, err)
	}
	ours, err := os.ReadFile("go.mod")
	if err != nil {
		return false, err
	}
	pinned, err := release.PinBeats(ours, theirs, module.Version)
	if err != nil {
		return false, err
	}
	if bytes.Equal(ours, pinned) {
		fmt.Println("go.mod has", module.Version, "already, with its replaces")
		return false, nil
	}
	if dry {
		fmt.Printf("go.mod would become:\n%s", pinned)
		return true, nil
	}
	if err := os.WriteFile("go.mod", pinned, 0o644); err != nil {
		return false, err
	}
	return true, sh.RunV("go", "mod", "tidy")
}
