// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package program

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/magefile/mage/sh"
)

// Stamp is what a program says about its origin. Fields that are empty keep what the
// source says: a folder without git can be built too.
type Stamp struct {
	Version string    // tag of the commit
	Commit  string    // its full hash, with -dirty if files differ from it
	Time    time.Time // of the commit, in UTC, so that a build can be repeated
}

// ReadStamp asks git. SOURCE_DATE_EPOCH, in seconds, takes the place of the commit's time.
func ReadStamp() (s Stamp, err error) {
	seconds := os.Getenv("SOURCE_DATE_EPOCH")
	// Without this, git would go on to a repository that merely contains this folder.
	if _, err := os.Stat(".git"); err == nil {
		if s.Commit, err = sh.Output("git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"); err != nil {
			return s, err
		}
		if s.Version, err = sh.Output("git", "tag", "--points-at=HEAD", "v*"); err != nil {
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
	s.Time = time.Unix(unix, 0).UTC()
	return s, nil
}

// linkerFlags sets the variables of a package. The linker ignores those it does not have.
func (s Stamp) linkerFlags(importPath string) string {
	buildTime := ""
	if !s.Time.IsZero() {
		buildTime = s.Time.Format(time.RFC3339)
	}
	flags := []string{"-s", "-w"}
	for _, set := range [][2]string{{"version", s.Version}, {"commit", s.Commit}, {"buildTime", buildTime}} {
		if set[1] != "" {
			flags = append(flags, fmt.Sprintf("-X %s.%s=%s", importPath, set[0], set[1]))
		}
	}
	return strings.Join(flags, " ")
}
