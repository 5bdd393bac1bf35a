// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package attack

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
)

var (
	attackEach = flag.Duration("attack.each", 750*time.Millisecond, "how long each attack goes on once it has begun")
	attackFor  = flag.Duration("attack.for", 0, "how long the attacks go on in rotation, on one wsreceiver; 0 is each of them once, on one of its own")
)

const (
	memoryLimit = 256 << 20
	// tolerable is what Good clients may be made to wait: 99 of 100 lines.
	tolerable = time.Second
	// loadAllowance is for few lines, on machines that run other tests at the same time.
	loadAllowance = 2 * time.Second
)

// attackers connect from other addresses than Good clients, and have a share each.
var attackers = []string{"127.0.0.2", "127.0.0.3", "127.0.0.4"}

// greedy are the attacks on a kind of listener that are carried out together.
var greedy = map[Kind][]string{
	WebSocket: {
		"sends messages of 1 MiB whose last byte never comes",
		"sends messages of 524,288 records",
		"sends messages that inflate to 64 MiB",
	},
	Forward: {
		"sends requests whose last byte never comes",
		"sends requests of tiny records",
		"sends requests that inflate to 64 MiB",
	},
}

// TestHostileClientsNeitherKillTheReceiverNorHoldUpOthers needs root.
func TestHostileClientsNeitherKillTheReceiverNorHoldUpOthers(t *testing.T) { holdOut(t, WebSocket) }

// TestHostileForwardClientsNeitherKillTheReceiverNorHoldUpOthers needs root.
func TestHostileForwardClientsNeitherKillTheReceiverNorHoldUpOthers(t *testing.T) {
	holdOut(t, Forward)
}

// holdOut carries out the attacks on a kind of listener.
func holdOut(t *testing.T, kind Kind) {
	t.Helper()
	var all []row
	every := For(kind)
	three := slices.DeleteFunc(For(kind), func(a Attack) bool { return !slices.Contains(greedy[kind], a.Name) })
	require.Len(t, three, len(greedy[kind]))
	if *attackFor == 0 {
		for _, a := range every {
			t.Run(a.Name, func(t *testing.T) { all = append(all, alone(t, kind, a.Name, a.Full, a)) })
		}
		t.Run(together[kind], func(t *testing.T) { all = append(all, alone(t, kind, together[kind], true, three...)) })
	} else {
		all = inRotation(t, kind, every, three)
	}
	t.Log(table(all))
	for i, name := range []string{"steady", "fresh"} {
		var waits Waits
		for _, r := range all {
			if i == 0 || !r.full {
				waits = append(waits, r.waits[i]...)
			}
		}
		t.Logf("client %s: %d lines acked and none missing, p99 %v, longest %v", name, len(waits), waits.P99(), waits.Longest())
		if *attackFor > 0 {
			require.Less(t, waits.P99(), tolerable)
		} else {
			require.Less(t, waits.P99(), tolerable+loadAllowance)
		}
	}
}

// alone has a wsreceiver for one attack, which shows what it costs.
func alone(t *testing.T, kind Kind, name string, full bool, attacks ...Attack) row {
	t.Helper()
	s := besiege(t, kind)
	r := s.attack(t, name, full, attacks...)
	t.Log(table([]row{r}))
	s.end(t)
	require.Less(t, r.waits[0].P99(), tolerable+loadAllowance)
	return r
}

// inRotation has one wsreceiver for all of them.
func inRotation(t *testing.T, kind Kind, every, three []Attack) (all []row) {
	t.Helper()
	s := besiege(t, kind)
	defer s.end(t)
	defer func() { t.Log(table(all)) }() // whatever the end finds
	note := func(r row) {
		i := slices.IndexFunc(all, func(other row) bool { return other.name == r.name })
		if i < 0 {
			all = append(all, r)
			return
		}
		all[i].peak = max(all[i].peak, r.peak)
		for j := range r.waits {
			all[i].waits[j] = append(all[i].waits[j], r.waits[j]...)
		}
	}
	for began := time.Now(); ; {
		for _, a := range every {
			t.Log(time.Since(began).Round(time.Second), a.Name) // if the receiver is killed, it is this one
			note(s.attack(t, a.Name, a.Full, a))
			if time.Since(began) > *attackFor {
				return all
			}
		}
		note(s.attack(t, together[kind], true, three...))
	}
}

const sharedKey = "known to all"

var forwardListening = regexp.MustCompile(`listening for Fluent Forward.*address=(\S+)`)

// siege is a wsreceiver that has 256 MiB, and everything by default that is not a limit
// of its own, with Good clients that send to it.
type siege struct {
	receiver *beattest.Process
	group    *beattest.ControlGroup
	target   Target // as attackers see it
	stored   stored
	good     []*Good

	stop    context.CancelFunc
	sending sync.WaitGroup
	sent    []int   // by each Good client
	failed  []error // likewise
}

func besiege(t *testing.T, kind Kind) *siege {
	t.Helper()
	group := beattest.StartControlGroup(t, memoryLimit)
	folder := t.TempDir()
	tokens := filepath.Join(folder, "tokens")
	require.NoError(t, os.WriteFile(tokens, []byte("good\nhostile\n"), 0o600))
	out := filepath.Join(folder, "out") + "/"
	require.NoError(t, os.Mkdir(out, 0o700))
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), beattest.Binary(t, "wsreceiver"),
		"--listen", "127.0.0.1:0", "--out", out, "--rotate-bytes", "64MiB", "--quiet",
		"--token-file", tokens, "--tail", "--metrics", "--max-connections-per-address", "512")
	if kind == Forward {
		key := filepath.Join(folder, "key")
		require.NoError(t, os.WriteFile(key, []byte(sharedKey), 0o600))
		cmd.Args = append(cmd.Args, "--forward-listen", "127.0.0.1:0", "--shared-key-file", key)
	}
	group.Join(cmd)
	receiver, text, err := beattest.OpenReceiver(cmd)
	require.NoError(t, err)
	t.Cleanup(receiver.Kill)
	address, err := url.Parse(text)
	require.NoError(t, err)

	target := Target{Kind: kind, Address: address.Host, Path: address.Path, Token: "good"}
	hostile := "hostile"
	if kind == Forward {
		match, err := receiver.Await(forwardListening, time.Minute)
		require.NoError(t, err)
		target = Target{Kind: kind, Address: match[1], Token: sharedKey}
		hostile = sharedKey
	}
	s := &siege{
		receiver: receiver,
		group:    group,
		target:   target,
		stored:   stored{folder: out, numbers: map[string]map[int]bool{}},
		good: []*Good{
			{Name: "steady", Target: target, Pause: 10 * time.Millisecond},
			{Name: "fresh", Target: target, Pause: 100 * time.Millisecond, Fresh: true},
		},
	}
	s.target.Token, s.target.Sources = hostile, attackers
	s.sent, s.failed = make([]int, len(s.good)), make([]error, len(s.good))
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(s.sending.Wait)
	t.Cleanup(stop)
	s.stop = stop
	for i, g := range s.good {
		s.sending.Go(func() { s.sent[i], s.failed[i] = g.Run(ctx) })
		// Otherwise attackers could have all places before it has one.
		require.Eventually(t, func() bool { return len(g.Take()) > 0 }, time.Minute, time.Millisecond)
	}
	return s
}

// row is what an attack cost.
type row struct {
	name  string
	full  bool
	peak  int64    // bytes of memory
	waits [2]Waits // of each Good client
}

func (s *siege) attack(t *testing.T, name string, full bool, attacks ...Attack) row {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	beattest.ResetPeakMemory(t, s.receiver.PID())
	failures := make([]error, len(attacks))
	var attacking, begun sync.WaitGroup
	for i, a := range attacks {
		begun.Add(1)
		attacking.Go(func() { failures[i] = a.Run(ctx, s.target, begun.Done) })
	}
	begun.Wait()
	pause(ctx, *attackEach)
	require.True(t, s.receiver.Running(), "%s: killed for lack of memory %d times: %s", name, s.group.Kills(), s.receiver.Output())
	r := row{name: name, full: full, peak: beattest.PeakMemory(t, s.receiver.PID())}
	cancel()
	attacking.Wait()
	require.NoError(t, errors.Join(failures...))
	for i, g := range s.good {
		r.waits[i] = g.Take()
	}
	require.NoError(t, s.stored.harvest(false))
	return r
}

// end stops everybody, and looks for each line that was acked.
func (s *siege) end(t *testing.T) {
	t.Helper()
	s.stop()
	s.sending.Wait()
	require.NoError(t, errors.Join(s.failed...))
	require.Zero(t, s.group.Kills(), "killed for lack of memory")
	require.True(t, s.receiver.Running(), "%s", s.receiver.Output())
	began := time.Now()
	require.Zero(t, s.receiver.Stop(), "%s", s.receiver.Output())
	took := time.Since(began)
	require.NoError(t, s.stored.harvest(true))
	for i, g := range s.good {
		require.NotZero(t, s.sent[i], "client %s", g.Name)
		for number := 1; number <= s.sent[i]; number++ {
			require.Truef(t, s.stored.numbers[g.Name][number], "line %d of client %s is missing", number, g.Name)
		}
	}
	require.Zero(t, s.stored.strangers, "junk was stored")
	t.Logf("%d and %d lines were acked, none is missing; the end took %v", s.sent[0], s.sent[1], took)
	require.Less(t, took, 10*time.Second)
}

func table(rows []row) string {
	var b strings.Builder
	b.WriteString("\n| attack | peak memory | acked: p99 | longest | on a new connection: p99 | longest |\n|---|---|---|---|---|---|\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s | %d MiB |", r.name, r.peak>>20)
		for _, w := range r.waits {
			fmt.Fprintf(&b, " %v | %v |", w.P99().Round(time.Millisecond), w.Longest().Round(time.Millisecond))
		}
		b.WriteString("\n")
	}
	return b.String()
}

// The figure is in docs/operations.md.
func TestAThousandIdleConnectionsTakeLittleMemory(t *testing.T) {
	const connections = 1000
	receiver := beattest.StartReceiver(t, "--quiet")
	address, err := url.Parse(receiver.URL())
	require.NoError(t, err)
	before := beattest.PeakMemory(t, receiver.PID())
	for range connections {
		client := &Good{Target: Target{Kind: WebSocket, Address: address.Host, Path: address.Path}}
		require.NoError(t, client.line(t.Context(), 1))
		t.Cleanup(client.close)
	}
	grown := beattest.PeakMemory(t, receiver.PID()) - before
	t.Logf("memory: %d MiB before, %d KiB for each connection", before>>20, grown/connections>>10)
	require.Less(t, grown/connections, int64(48<<10))
	require.Zero(t, receiver.Stop())
}
