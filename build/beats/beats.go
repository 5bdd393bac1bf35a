// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package beats

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"

	"github.com/magefile/mage/sh"
)

// Module is the module that a Beat is built from.
const Module = "github.com/elastic/beats/v7"

// Folder returns the folder that has the files of the pinned version.
func Folder() (string, error) {
	return sh.Output("go", "list", "-m", "-f={{.Dir}}", Module)
}

// Pin rewrites go.mod for a version of Beats and tidies it. With dry it only prints what
// go.mod would become. It reports whether there is anything to change.
func Pin(version string, dry bool) (changed bool, err error) {
	// Only the go.mod of that version is fetched first: a wrong version changes nothing.
	answer, err := sh.Output("go", "list", "-m", "-json", Module+"@"+version)
	if err != nil {
		return false, err
	}
	var found struct{ Version, GoMod string }
	if err := json.Unmarshal([]byte(answer), &found); err != nil {
		return false, err
	}
	theirs, err := os.ReadFile(found.GoMod)
	if err != nil {
		return false, fmt.Errorf("go.mod of %s: %w", found.Version, err)
	}
	ours, err := os.ReadFile("go.mod")
	if err != nil {
		return false, err
	}
	pinned, err := pin(ours, theirs, found.Version)
	if err != nil {
		return false, err
	}
	if bytes.Equal(ours, pinned) {
		fmt.Println("go.mod already has", found.Version, "and its replaces")
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
