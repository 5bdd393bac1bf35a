// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
)

const (
	receiverCount = 3
	agentCount    = 3
	agentLines    = 10_000_000 // no agent writes more
	linesPerStep  = 10         // of each agent
	stepTime      = 100 * time.Millisecond
	receiverKills = 3 * time.Second // between two
)

// packages are the Debian packages that the tests need, by one file of each.
var packages = map[string]string{
	"/usr/sbin/haproxy":     "haproxy",
	"/usr/sbin/nats-server": "nats-server",
}

var install = sync.OnceValue(func() error { return beattest.InstallPackages(packages) })

// freePort returns a free port, outside the range that the kernel uses for outgoing
// connections: while a server is down, such a connection could take its port.
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

// victim is a program that is killed, and started again as its supervisor would do it.
type victim struct {
	start func() (*beattest.Process, error)

	mutex   sync.Mutex // held while it is started, too
	process *beattest.Process
	kills   int
}

// up starts the program until it runs.
func (v *victim) up(ctx context.Context) error {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	for {
		process, err := v.start()
		if err == nil {
			v.process = process
			return nil
		}
		select {
		case <-time.After(stepTime):
		case <-ctx.Done():
			return errors.Join(err, context.Cause(ctx))
		}
	}
}

// kill ends the program, and reports whether it was up.
func (v *victim) kill() bool {
	if !v.mutex.TryLock() {
		return false
	}
	defer v.mutex.Unlock()
	v.process.Kill()
	v.kills++
	return true
}

// end is kill for the end of a test.
func (v *victim) end() {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	if v.process != nil {
		v.process.Kill()
	}
}

// stage has agents, HAProxy and receivers before an engine.
type stage struct {
	t         *testing.T
	receivers []*victim
	agents    []*beattest.Filebeat
	setups    []beattest.Setup
	lines     int // of each agent
}

// openStage starts all but the engine. settings are more YAML for the output.
func openStage(t *testing.T, out string) *stage {
	t.Helper()
	s := &stage{t: t}
	config, err := os.ReadFile(filepath.Join("testdata", "haproxy.cfg"))
	require.NoError(t, err)
	port := freePort(t)
	text := strings.ReplaceAll(string(config), "8443", port)
	for i := range receiverCount {
		own := freePort(t)
		text = strings.ReplaceAll(text, fmt.Sprintf("127.0.0.1:%d", 8081+i), "127.0.0.1:"+own)
		r := &victim{start: func() (*beattest.Process, error) {
			cmd := exec.CommandContext(context.WithoutCancel(t.Context()), beattest.Binary(t, "wsreceiver"), "--listen=127.0.0.1:"+own, "--out="+out)
			p, _, err := beattest.OpenReceiver(cmd)
			return p, err
		}}
		t.Cleanup(r.end)
		require.NoError(t, r.up(t.Context()))
		s.receivers = append(s.receivers, r)
	}
	file := filepath.Join(t.TempDir(), "haproxy.cfg")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	proxy := beattest.StartProcess(t, exec.CommandContext(context.WithoutCancel(t.Context()), "/usr/sbin/haproxy", "-db", "-f", file))
	require.NoError(t, awaitPort(t.Context(), port, proxy))
	for i := range agentCount {
		setup := beattest.Setup{
			Dir:   t.TempDir(),
			Extra: "queue.mem.flush.timeout: 100ms",
			Input: "    backoff: {init: 100ms, max: 100ms}\n",
			Output: fmt.Sprintf(`
output.websocket:
  hosts: ["ws://127.0.0.1:%s/ingest"]
  ack: message
  timeout: 10s
  backoff: {init: 200ms, max: 1s}
`, port),
		}
		s.setups = append(s.setups, setup)
		s.write(i, 1, 100) // a file is known by its first 1,024 bytes
		s.agents = append(s.agents, beattest.StartFilebeat(t, setup))
	}
	s.lines = 100
	return s
}

func (s *stage) write(agent, first, last int) {
	s.t.Helper()
	beattest.AppendLines(s.t, s.setups[agent].LogFile("a.log"), agent*agentLines+first, agent*agentLines+last)
}

// run lets lines flow, and kills a random receiver every 3 s and what disturb disturbs,
// until length has passed; then it waits until all lines are confirmed.
func (s *stage) run(length time.Duration, disturb func(ctx context.Context) error) {
	t := s.t
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), length)
	defer cancel()
	failures := make(chan error, 2)
	var disturbing sync.WaitGroup
	disturbing.Go(func() { failures <- s.killReceivers(ctx) })
	disturbing.Go(func() { failures <- disturb(ctx) })
	steps := time.NewTicker(stepTime)
	defer steps.Stop()
	for ctx.Err() == nil {
		<-steps.C
		for i := range agentCount {
			s.write(i, s.lines+1, s.lines+linesPerStep)
		}
		s.lines += linesPerStep
	}
	disturbing.Wait()
	require.NoError(t, <-failures)
	require.NoError(t, <-failures)
	for _, each := range s.agents {
		each.AwaitEvents(patience, s.lines, 0)
		require.Zero(t, each.Stop())
	}
}

func (s *stage) killReceivers(ctx context.Context) error {
	background := context.WithoutCancel(s.t.Context())
	var starting sync.WaitGroup
	defer starting.Wait()
	failed := make(chan error, 1)
	for {
		select {
		case <-time.After(receiverKills):
		case err := <-failed:
			return err
		case <-ctx.Done():
			return nil
		}
		r := s.receivers[rand.IntN(len(s.receivers))]
		if !r.kill() {
			continue
		}
		starting.Go(func() {
			// A supervisor does not give up, however long the engine is away.
			limited, cancel := context.WithTimeout(background, *length+patience)
			defer cancel()
			if err := r.up(limited); err != nil {
				select {
				case failed <- err:
				default:
				}
			}
		})
	}
}

// account fails unless what was stored, by number, is what was written, once.
func (s *stage) account(stored map[int]int) {
	s.t.Helper()
	require.Zero(s.t, s.accountAtLeastOnce(stored))
}

// accountAtLeastOnce returns how many lines were stored more than once.
func (s *stage) accountAtLeastOnce(stored map[int]int) (twice int) {
	s.t.Helper()
	missing := 0
	for agent := range agentCount {
		for n := 1; n <= s.lines; n++ {
			switch times := stored[agent*agentLines+n]; {
			case times == 0:
				missing++
			case times > 1:
				twice++
			}
		}
	}
	kills := 0
	for _, r := range s.receivers {
		kills += r.kills
	}
	s.t.Logf("%d lines: %d missing, %d twice, after %d kills of receivers", agentCount*s.lines, missing, twice, kills)
	require.Zero(s.t, missing)
	require.Len(s.t, stored, agentCount*s.lines)
	return twice
}
