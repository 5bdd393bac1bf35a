// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package beattest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// Host is another host on the network: a network namespace whose one link to this
// host can really be cut. It needs root and iproute2.
type Host struct {
	tb    testing.TB
	name  string
	outer string // this host's end of the link
	// Addr is the address of the host, Here the one of this host on the link.
	Addr, Here string
}

var hosts atomic.Uint32

// NewHost makes a host. Cleanup removes it.
func NewHost(tb testing.TB) *Host {
	tb.Helper()
	NeedRoot(tb, "ip")
	number := hosts.Add(1)
	h := &Host{
		tb:    tb,
		name:  fmt.Sprintf("fbws%d-%d", os.Getpid(), number),
		outer: fmt.Sprintf("fw%d-%d", os.Getpid()%100000, number),
		Addr:  fmt.Sprintf("10.213.%d.2", number),
		Here:  fmt.Sprintf("10.213.%d.1", number),
	}
	h.ip("netns", "add", h.name)
	tb.Cleanup(func() { _ = exec.Command("ip", "netns", "del", h.name).Run() }) //nolint:noctx // the link goes with it
	h.ip("link", "add", h.outer, "type", "veth", "peer", "name", "eth0", "netns", h.name)
	h.ip("addr", "add", h.Here+"/30", "dev", h.outer)
	h.ip("link", "set", h.outer, "up")
	h.ip("-n", h.name, "addr", "add", h.Addr+"/30", "dev", "eth0")
	h.ip("-n", h.name, "link", "set", "eth0", "up")
	h.ip("-n", h.name, "link", "set", "lo", "up")
	return h
}

func (h *Host) ip(args ...string) {
	h.tb.Helper()
	output, err := exec.CommandContext(h.tb.Context(), "ip", args...).CombinedOutput()
	require.NoErrorf(h.tb, err, "ip %v (needs root and iproute2): %s", args, output)
}

// Listen listens on a free port of the host.
func (h *Host) Listen() net.Listener {
	h.tb.Helper()
	type result struct {
		listener net.Listener
		err      error
	}
	results := make(chan result)
	go func() {
		// The thread stays in the namespace: it ends with the goroutine.
		runtime.LockOSThread()
		file, err := os.Open("/var/run/netns/" + h.name)
		if err == nil {
			err = unix.Setns(int(file.Fd()), unix.CLONE_NEWNET)
			_ = file.Close()
		}
		var listener net.Listener
		if err == nil {
			listener, err = net.Listen("tcp", h.Addr+":0") //nolint:noctx // does not wait
		}
		results <- result{listener, err}
	}()
	r := <-results
	require.NoError(h.tb, r.err)
	return r.listener
}

// Cut takes the link down: what is sent in either direction is gone.
func (h *Host) Cut() { h.ip("-n", h.name, "link", "set", "eth0", "down") }

// CutBack cuts one direction: the host receives, and its answers are dropped.
func (h *Host) CutBack() { h.ip("-n", h.name, "route", "add", "blackhole", h.Here+"/32") }

// Heal repairs what was cut.
func (h *Host) Heal() {
	h.ip("-n", h.name, "link", "set", "eth0", "up")
	// It fails unless CutBack has added the route.
	_ = exec.CommandContext(h.tb.Context(), "ip", "-n", h.name, "route", "del", "blackhole", h.Here+"/32").Run()
}
