// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package beattest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// supervisor starts a program again whenever it ends, and ends with it at a SIGTERM.
const supervisor = `trap 'kill -9 $child; exit' TERM
while :; do
  "$@" & child=$!
  echo $child >"$PID_FILE"
  wait $child
done`

// StartSupervised starts a program under a shell that starts it again, as a service manager
// does, and returns the command that sends it a signal, such as KILL.
func StartSupervised(tb testing.TB, cmd *exec.Cmd) (p *Process, signal func(name string) string) {
	tb.Helper()
	pidFile := filepath.Join(tb.TempDir(), "pid")
	shell := exec.CommandContext(context.WithoutCancel(tb.Context()), "/bin/sh", append([]string{"-c", supervisor, "supervisor"}, cmd.Args...)...)
	shell.Dir, shell.Env = cmd.Dir, append(append(os.Environ(), cmd.Env...), "PID_FILE="+pidFile)
	p = StartProcess(tb, shell)
	tb.Cleanup(func() { // before that of StartProcess, which would leave the program behind
		p.Terminate()
		p.Wait(time.Minute)
	})
	Eventually(tb, time.Minute, "the program is started", func() bool {
		_, err := os.Stat(pidFile)
		return err == nil
	})
	require.NotZero(tb, p.PID())
	return p, func(name string) string { return fmt.Sprintf(`kill -%s "$(cat '%s')"`, name, pidFile) }
}
