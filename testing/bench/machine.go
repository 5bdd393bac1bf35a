// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// machine says what the numbers depend on.
func machine(ctx context.Context, s settings) (string, error) {
	info, err := buildinfo.ReadFile(s.binary)
	if err != nil {
		return "", fmt.Errorf("%w (mage build makes it)", err)
	}
	version, err := exec.CommandContext(ctx, s.binary, "version").Output()
	if err != nil {
		return "", fmt.Errorf("%s version: %w", s.binary, err)
	}
	return fmt.Sprintf(`Measured %s with

    go run ./testing/bench -suites %s -rounds %d -lines %d

Median of the rounds, with the least and the largest.

- %s
- built with %s
- %s, %d cores, %s/%s
- load before: %s

`, time.Now().UTC().Format("2006-01-02 15:04 UTC"), s.suites, s.rounds, s.lines,
		strings.TrimSpace(string(version)), info.GoVersion, cpuModel(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, loadAverages()), nil
}

func cpuModel() string {
	file, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "unknown CPU"
	}
	defer func() { _ = file.Close() }()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if name, value, found := strings.Cut(lines.Text(), ":"); found && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown CPU"
}

// loadAverages is the three averages of Linux.
func loadAverages() string {
	content, err := os.ReadFile("/proc/loadavg")
	fields := strings.Fields(string(content))
	if err != nil || len(fields) < 3 {
		return "unknown"
	}
	return strings.Join(fields[:3], " ")
}
