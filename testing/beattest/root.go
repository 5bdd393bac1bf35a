// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package beattest

import (
	"os"
	"os/exec"
	"testing"
)

// NeedRoot is for tests that need root, for network cuts and mounts, and these
// programs. If one is missing, it skips the test on a desk and fails it in CI, so that
// the test cannot go missing there.
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
		tb.Fatalf("this test needs %s, which CI has to provide", lacks)
	default:
		tb.Skipf("this test needs %s", lacks)
	}
}
