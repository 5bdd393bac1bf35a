// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package beattest

import (
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strings"
)

// Machine describes this machine and its load, as items of a Markdown list, for the
// reports of benchmarks.
func Machine() string {
	return fmt.Sprintf("- %s, %d cores, %s/%s\n- load before: %s\n", cpuModel(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, loadAverages())
}

func cpuModel() string {
	content, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown CPU"
	}
	found := regexp.MustCompile(`(?m)^model name\s*: (.*)$`).FindSubmatch(content)
	if found == nil {
		return "unknown CPU"
	}
	return string(found[1])
}

// loadAverages are Linux's, of 1, 5 and 15 minutes.
func loadAverages() string {
	content, err := os.ReadFile("/proc/loadavg")
	fields := strings.Fields(string(content))
	if err != nil || len(fields) < 3 {
		return "unknown"
	}
	return strings.Join(fields[:3], " ")
}
