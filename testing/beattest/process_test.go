// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package beattest

import (
	"os/exec"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 30 * time.Second

func shellCommand(t *testing.T, script string) *exec.Cmd {
	t.Helper()
	return exec.CommandContext(t.Context(), "sh", "-c", script)
}

func openShell(t *testing.T, script string) *Process {
	t.Helper()
	p, err := OpenProcess(shellCommand(t, script))
	require.NoError(t, err)
	t.Cleanup(p.Kill)
	return p
}

// untilTerminated is a script that ends with an exit code of its own on SIGTERM.
func untilTerminated(code string) string {
	return "trap 'exit " + code + "' TERM; echo ready; while :; do sleep 0.05; done"
}

func TestOpenProcessReturnsWhyItDoesNotStart(t *testing.T) {
	_, err := OpenProcess(exec.CommandContext(t.Context(), t.TempDir()+"/missing"))
	require.ErrorContains(t, err, "no such file")
}

func TestAwaitReturnsTheMatch(t *testing.T) {
	p := openShell(t, "echo one; echo port=17 >&2; exec sleep 60")
	match, err := p.Await(regexp.MustCompile(`port=(\d+)\n`), patience)
	require.NoError(t, err)
	require.Equal(t, "17", match[1])
}

func TestAwaitFindsTheLastWordsOfAProcess(t *testing.T) {
	match, err := openShell(t, "echo done").Await(regexp.MustCompile(`done`), patience)
	require.NoError(t, err)
	require.Equal(t, []string{"done"}, match)
}

func TestAwaitFailsWhenTheProcessEnds(t *testing.T) {
	_, err := openShell(t, "echo the reason; exit 3").Await(regexp.MustCompile(`never`), patience)
	require.ErrorIs(t, err, ErrEnded)
	require.ErrorContains(t, err, "the reason")
}

func TestAwaitFailsAfterItsTimeout(t *testing.T) {
	_, err := openShell(t, "exec sleep 60").Await(regexp.MustCompile(`never`), time.Millisecond)
	require.ErrorContains(t, err, `no "never" within 1ms`)
}

func TestCloseStopsAProcessAndTellsOfItsExitCode(t *testing.T) {
	for code, want := range map[string]string{"0": "", "3": "sh: exit status 3; its output ends with:\nready\n"} {
		p := openShell(t, untilTerminated(code))
		_, err := p.Await(regexp.MustCompile("ready"), patience)
		require.NoError(t, err)
		if err = p.Close(); want == "" {
			require.NoError(t, err)
		} else {
			require.EqualError(t, err, want)
		}
		require.False(t, p.Running())
	}
}

func TestWaitKillsAProcessThatDoesNotEnd(t *testing.T) {
	p := openShell(t, "exec sleep 60")
	require.Equal(t, -1, p.Wait(time.Millisecond))
	require.False(t, p.Running())
	require.Contains(t, p.Output(), "killed: it did not end within 1ms")
	cpu, peakRSS := p.Usage()
	require.Less(t, cpu, time.Second)
	require.Positive(t, peakRSS)
}
