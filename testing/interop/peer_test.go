// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"context"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
)

// peer is a running server or proxy. It can be killed and started again.
type peer struct {
	t       *testing.T
	command []string
	env     []string
	folder  string
	port    string

	process *beattest.Process
}

// start starts the peer and waits until it listens.
func (p *peer) start() {
	p.t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(p.t.Context()), p.command[0], p.command[1:]...)
	cmd.Dir = p.folder
	cmd.Env = append(os.Environ(), p.env...)
	// Some have children, which kill has to find.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.process = beattest.StartProcess(p.t, cmd)
	p.t.Cleanup(p.kill)
	beattest.Eventually(p.t, patience, p.command[0]+" listens", func() bool {
		require.True(p.t, p.process.Running(), "%s has ended:\n%s", p.command[0], p.process.Output())
		return p.listens()
	})
}

// kill ends the peer and its children with SIGKILL.
func (p *peer) kill() {
	// The error is that they have ended already.
	_ = syscall.Kill(-p.process.PID(), syscall.SIGKILL)
	p.process.Kill()
}

func (p *peer) address() string { return net.JoinHostPort("127.0.0.1", p.port) }

func (p *peer) listens() bool {
	conn, err := (&net.Dialer{}).DialContext(p.t.Context(), "tcp", p.address())
	if err != nil {
		return false
	}
	// It was opened only to see whether the peer accepts.
	_ = conn.Close()
	return true
}

// says returns the first group of the pattern in the output of the peer.
func (p *peer) says(pattern string) string {
	p.t.Helper()
	found := regexp.MustCompile(pattern).FindStringSubmatch(p.process.Output())
	require.NotNil(p.t, found, "%s does not say %s:\n%s", p.command[0], pattern, p.process.Output())
	return found[1]
}

// versionOf returns the first group of the pattern in the output of a command.
func versionOf(t *testing.T, command []string, pattern string) string {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), command[0], command[1:]...).CombinedOutput()
	found := regexp.MustCompile(pattern).FindSubmatch(output)
	require.NotNil(t, found, "%s: %v:\n%s", strings.Join(command, " "), err, output)
	return string(found[1])
}

// freePort returns a free port, outside the range that the kernel uses for outgoing
// connections: while a peer is down, such a connection could take its port, or even
// connect that port to itself.
func freePort(t *testing.T) string {
	t.Helper()
	for range 100 {
		port := strconv.Itoa(10_000 + rand.IntN(20_000))
		listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:"+port)
		if err != nil {
			continue
		}
		require.NoError(t, listener.Close())
		return port
	}
	require.FailNow(t, "no free port")
	return ""
}
