// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package beattest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
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

// Process is a running program. One goroutine waits for its end.
type Process struct {
	cmd    *exec.Cmd
	output *outputBuffer
	done   chan struct{} // closed when it has ended
}

// stopTimeout is how long Stop waits before it kills the program.
const stopTimeout = 60 * time.Second

// OpenProcess starts a program, for a caller that is not a test. Its standard
// error goes to Output, and so does its standard output unless cmd says
// otherwise. The caller has to call Stop, Close or Kill.
func OpenProcess(cmd *exec.Cmd) (*Process, error) {
	p := &Process{cmd: cmd, output: newOutputBuffer(), done: make(chan struct{})}
	cmd.Stderr = p.output
	if cmd.Stdout == nil {
		cmd.Stdout = p.output
	}
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	endWithParent(cmd.SysProcAttr)
	started := make(chan error)
	go func() {
		// On Linux the child gets its signal when the thread that started it
		// ends, not when the process does, so that thread is kept.
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
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// StartProcess opens a program for a test, whose Cleanup kills it and, if the test
// failed, logs the end of its output.
func StartProcess(tb testing.TB, cmd *exec.Cmd) *Process {
	tb.Helper()
	p, err := OpenProcess(cmd)
	require.NoError(tb, err)
	cleanup(tb, p)
	return p
}

func cleanup(tb testing.TB, p *Process) {
	tb.Helper()
	tb.Cleanup(func() {
		p.Kill()
		if tb.Failed() {
			tb.Logf("output of %s (end):\n%s", p.name(), p.lastOutput())
		}
	})
}

func (p *Process) name() string { return filepath.Base(p.cmd.Path) }

// PID returns the number of the process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Output returns what the program wrote to its standard error, and to its
// standard output unless that goes elsewhere.
func (p *Process) Output() string {
	text, _ := p.output.read()
	return text
}

// lastOutput returns the end of Output, for a message.
func (p *Process) lastOutput() string {
	const most = 8 << 10
	text := p.Output()
	return text[max(0, len(text)-most):]
}

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
	// The error is that it has ended already.
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
}

// Stop asks the process to end and returns its exit code, as Wait does.
func (p *Process) Stop() int {
	p.Terminate()
	return p.Wait(stopTimeout)
}

// Wait returns the exit code of the process. It is -1 if a signal ended the
// process, and also if it did not end within timeout: Wait kills it then.
func (p *Process) Wait(timeout time.Duration) int {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
		_, _ = fmt.Fprintf(p.output, "\nkilled: it did not end within %v\n", timeout) // a buffer
		p.Kill()
	}
	return p.cmd.ProcessState.ExitCode()
}

// Close stops the process. The error tells of any other end than exit code 0, with
// the end of the output.
func (p *Process) Close() error {
	if p.Stop() == 0 {
		return nil
	}
	return p.Failure(fmt.Errorf("%v", p.cmd.ProcessState))
}

// Failure adds the name of the program and the end of its output to an error.
func (p *Process) Failure(err error) error {
	return fmt.Errorf("%s: %w; its output ends with:\n%s", p.name(), err, p.lastOutput())
}

// ErrEnded is the error of Await, and of others who wait for something of a process
// that has ended.
var ErrEnded = errors.New("ended early")

// Await waits until the output matches the expression and returns the match with
// its groups.
func (p *Process) Await(expression *regexp.Regexp, timeout time.Duration) ([]string, error) {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	for {
		// Asked first: what the process wrote before its end is all there then.
		ended := !p.Running()
		text, changed := p.output.read()
		if match := expression.FindStringSubmatch(text); match != nil {
			return match, nil
		}
		if ended {
			return nil, p.Failure(ErrEnded)
		}
		select {
		case <-changed:
		case <-p.done:
		case <-timer.C:
			return nil, p.Failure(fmt.Errorf("no %q within %v", expression, timeout))
		}
	}
}

// Usage returns the CPU time and the peak of the resident memory, in bytes, of a
// process that has ended.
func (p *Process) Usage() (cpu time.Duration, peakRSS int64) {
	<-p.done
	state := p.cmd.ProcessState
	cpu = state.SystemTime() + state.UserTime()
	if usage, ok := state.SysUsage().(*syscall.Rusage); ok {
		peakRSS = usage.Maxrss << 10 // Linux counts in KiB
	}
	return cpu, peakRSS
}

// RSS returns the resident memory of the process in bytes. It needs Linux.
func (p *Process) RSS() (int64, error) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.PID()))
	if err != nil {
		return 0, err
	}
	var size, resident int64 // in pages
	if _, err := fmt.Sscan(string(content), &size, &resident); err != nil {
		return 0, fmt.Errorf("statm of %s: %w", p.name(), err)
	}
	return resident * int64(os.Getpagesize()), nil
}
