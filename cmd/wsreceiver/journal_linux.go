// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

const bootIDFile = "/proc/sys/kernel/random/boot_id"

// originOf returns what tells apart what a journal of requests is about: the start of the
// machine, and the output.
func originOf(out *os.File) (string, error) {
	boot, err := os.ReadFile(bootIDFile)
	if err != nil {
		return "", err
	}
	var stat unix.Stat_t
	if err := unix.Fstat(int(out.Fd()), &stat); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s %d %d", strings.TrimSpace(string(boot)), stat.Dev, stat.Ino), nil
}

// syncAll syncs the file system of the output.
func syncAll(out *os.File) error { return unix.Syncfs(int(out.Fd())) }
