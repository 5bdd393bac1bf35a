// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package beattest

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Binary returns the path of a binary at the root of the module, and fails the
// test if it is not there.
func Binary(tb testing.TB, name string) string {
	tb.Helper()
	path := filepath.Join(Root(tb), name)
	_, err := os.Stat(path)
	require.NoErrorf(tb, err, "%s is missing; make it with: go tool mage build", name)
	return path
}

// Root returns the folder of the module.
func Root(tb testing.TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	require.NoError(tb, err)
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		require.NotEqual(tb, parent, dir, "no go.mod above the test's folder")
		dir = parent
	}
}

// Process is a running program. Its end is waited for in one goroutine; the
// test's Cleanup kills it if the test did not stop it.
type Process struct {
	tb     testing.TB
	cmd    *exec.Cmd
	output *lockedBuffer
	done   chan struct{} // closed when it has ended
}

// stopTimeout is how long a program gets to stop by itself before the test fails.
const stopTimeout = 60 * time.Second

// StartProcess starts a program. What it writes to its standard output goes to
// Output, unless cmd says otherwise.
func StartProcess(tb testing.TB, cmd *exec.Cmd) *Process {
	tb.Helper()
	p := &Process{tb: tb, cmd: cmd, output: &lockedBuffer{}, done: make(chan struct{})}
	cmd.Stderr = p.output
	if cmd.Stdout == nil {
		cmd.Stdout = p.output
	}
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	// A program that outlives its test would hold ports and files of the next.
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	started := make(chan error)
	go func() {
		// The signal comes when the thread ends that started the program, not
		// the process, so that thread is kept.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(p.done)
		err := cmd.Start()
		started <- err
		if err == nil {
			// The state is read from cmd.ProcessState; the error says the same.
			_ = cmd.Wait()
		}
	}()
	require.NoError(tb, <-started)
	tb.Cleanup(func() {
		p.Kill()
		if tb.Failed() {
			tb.Logf("output of %s (end):\n%s", filepath.Base(cmd.Path), tail(p.output.String(), 8<<10))
		}
	})
	return p
}

// PID returns the number of the process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Output returns what the program wrote to its standard error, and to its
// standard output unless that goes elsewhere.
func (p *Process) Output() string { return p.output.String() }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Running reports whether the process has not ended yet.
func (p *Process) Running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// Kill ends the process at once (SIGKILL) and waits for its end.
func (p *Process) Kill() {
	// The error is that it has ended already.
	_ = p.cmd.Process.Kill()
	<-p.done
}

// Terminate asks the process to end (SIGTERM).
func (p *Process) Terminate() {
	p.tb.Helper()
	err := p.cmd.Process.Signal(syscall.SIGTERM)
	if !errors.Is(err, os.ErrProcessDone) {
		require.NoError(p.tb, err)
	}
}

// Stop asks the process to end and returns its exit code.
func (p *Process) Stop() int {
	p.tb.Helper()
	p.Terminate()
	return p.Wait(stopTimeout)
}

// Wait returns the exit code, and fails the test if the process does not end
// within timeout.
func (p *Process) Wait(timeout time.Duration) int {
	p.tb.Helper()
	select {
	case <-p.done:
	case <-time.After(timeout):
		require.FailNowf(p.tb, "the process did not end", "%s, within %v", p.cmd.Path, timeout)
	}
	return p.cmd.ProcessState.ExitCode()
}

// Usage returns the CPU time and the peak resident memory in bytes of a process
// that has ended.
func (p *Process) Usage() (cpu time.Duration, peakRSS int64) {
	<-p.done
	state := p.cmd.ProcessState
	usage, ok := state.SysUsage().(*syscall.Rusage)
	if !ok {
		return state.SystemTime() + state.UserTime(), 0
	}
	return state.SystemTime() + state.UserTime(), usage.Maxrss * 1024
}

// lockedBuffer keeps what a process writes while the test reads it.
type lockedBuffer struct {
	mutex  sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.buffer.String()
}

func tail(text string, bytes int) string {
	return text[max(0, len(text)-bytes):]
}
