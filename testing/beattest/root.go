// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package beattest

import (
	"os"
	"os/exec"
	"testing"
)

// NeedRoot is for tests of what only root can do: real network cuts, mounts.
// Without root or one of the programs a test is skipped on a desk and fails in
// CI, so that it can't go missing there.
func NeedRoot(tb testing.TB, programs ...string) {
	tb.Helper()
	lacks := ""
	if os.Geteuid() != 0 {
		lacks = "root"
	}
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			lacks = program
		}
	}
	switch {
	case lacks == "":
	case os.Getenv("CI") != "":
		tb.Fatalf("this test needs %s, and CI has to have it", lacks)
	default:
		tb.Skipf("this test needs %s", lacks)
	}
}
