// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"filebeat-websocket/testing/beattest"
)

// preamble says what was measured, and on what.
func preamble(ctx context.Context, s settings) (string, error) {
	info, err := buildinfo.ReadFile(s.binary)
	if err != nil {
		return "", fmt.Errorf("%w (make it with: go tool mage build)", err)
	}
	version, err := exec.CommandContext(ctx, s.binary, "version").Output()
	if err != nil {
		return "", fmt.Errorf("%s version: %w", s.binary, err)
	}
	return fmt.Sprintf(`Measured %s with

    go run ./testing/bench -suites %s -rounds %d -lines %d

Median of the rounds, with minimum and maximum.

- %s
- built with %s
%s
`, time.Now().UTC().Format("2006-01-02 15:04 UTC"), s.suites, s.rounds, s.lines,
		strings.TrimSpace(string(version)), info.GoVersion, beattest.Machine()), nil
}
