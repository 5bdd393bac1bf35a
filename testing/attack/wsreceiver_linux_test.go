// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package attack

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
)

var attackFor = flag.Duration("attack.for", 0, "how long the attacks go on in rotation; 0 is each of them once, and briefly")

const (
	memoryLimit = 256 << 20
	// briefly and rotating are how long an attack goes on once it has begun.
	briefly  = time.Second
	rotating = 10 * time.Second
	// tolerable is what the Good clients may be made to wait.
	tolerable = time.Second
)

// attackers connect from other addresses than Good clients, and have a share each.
var attackers = []string{"127.0.0.2", "127.0.0.3", "127.0.0.4"}

// TestHostileClientsNeitherKillTheReceiverNorHoldUpOthers runs wsreceiver where it has
// 256 MiB, and everything that is not a limit of its own by default. It needs root.
func TestHostileClientsNeitherKillTheReceiverNorHoldUpOthers(t *testing.T) {
	group := beattest.StartControlGroup(t, memoryLimit)
	folder := t.TempDir()
	tokens := filepath.Join(folder, "tokens")
	require.NoError(t, os.WriteFile(tokens, []byte("good\nhostile\n"), 0o600))
	out := filepath.Join(folder, "out") + "/"
	require.NoError(t, os.Mkdir(out, 0o700))
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), beattest.Binary(t, "wsreceiver"),
		"--listen", "127.0.0.1:0", "--out", out, "--rotate-bytes", "64MiB", "--quiet",
		"--token-file", tokens, "--tail", "--metrics", "--max-connections-per-address", "512")
	group.Join(cmd)
	receiver, text, err := beattest.OpenReceiver(cmd)
	require.NoError(t, err)
	t.Cleanup(receiver.Kill)
	address, err := url.Parse(text)
	require.NoError(t, err)
	target := Target{Kind: WebSocket, Address: address.Host, Path: address.Path, Token: "good"}

	s := &siege{
		receiver: receiver,
		target:   target,
		stored:   stored{folder: out, numbers: map[string]map[int]bool{}},
		good: []*Good{
			{Name: "steady", Target: target, Pause: 10 * time.Millisecond},
			{Name: "fresh", Target: target, Pause: 100 * time.Millisecond, Fresh: true},
		},
	}
	s.target.Token, s.target.Sources = "hostile", attackers
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	sent := make([]int, len(s.good))
	failures := make([]error, len(s.good))
	var sending sync.WaitGroup
	for i, g := range s.good {
		sending.Go(func() { sent[i], failures[i] = g.Run(ctx) })
	}
	s.rotate(t)
	cancel()
	sending.Wait()
	require.NoError(t, errors.Join(failures...))
	require.Zero(t, group.Kills(), "killed for lack of memory")
	require.True(t, receiver.Running(), "%s", receiver.Output())
	began := time.Now()
	require.Zero(t, receiver.Stop(), "%s", receiver.Output())
	require.Less(t, time.Since(began), 10*time.Second)
	require.NoError(t, s.stored.harvest(true))

	t.Log(s.table())
	for i, g := range s.good {
		missing := 0
		for number := range sent[i] {
			if !s.stored.numbers[g.Name][number+1] {
				missing++
			}
		}
		t.Logf("client %s: %d lines acked, %d missing, p99 %v, longest %v", g.Name, sent[i], missing, s.all[i].P99(), s.all[i].Longest())
		require.NotZero(t, sent[i])
		require.Zero(t, missing, "acked lines of client %s", g.Name)
		require.Less(t, s.all[i].P99(), tolerable, "for client %s", g.Name)
	}
	require.Zero(t, s.stored.strangers, "junk was stored")
}

// siege is a receiver under attack.
type siege struct {
	receiver *beattest.Process
	target   Target // as attackers see it
	good     []*Good
	stored   stored

	rows []*row
	all  [2]Waits // of each Good client; for the fresh one without what is Full
}

// row is what an attack cost.
type row struct {
	name  string
	peak  int64 // bytes of memory
	waits [2]Waits
}

// rotate has each attack at work for some time, then all again until the time is over.
func (s *siege) rotate(t *testing.T) {
	t.Helper()
	every := For(WebSocket)
	pause(t.Context(), briefly) // nobody attacks: a row to compare with
	s.end(t, "nothing", false).peak = beattest.PeakMemory(t, s.receiver.PID())
	for began := time.Now(); ; {
		for _, a := range every {
			t.Run(a.Name, func(t *testing.T) { s.attack(t, a.Name, a.Full, a) })
			if *attackFor > 0 && time.Since(began) > *attackFor {
				return
			}
		}
		t.Run(together, func(t *testing.T) {
			s.attack(t, together, true, slices.DeleteFunc(For(WebSocket), func(a Attack) bool { return !slices.Contains(greedy, a.Name) })...)
		})
		if time.Since(began) >= *attackFor {
			return
		}
	}
}

// greedy are the attacks that are carried out together.
var greedy = []string{
	"sends messages of 1 MiB whose last byte never comes",
	"sends messages of 524,288 records",
	"sends messages that inflate to 64 MiB",
}

func (s *siege) attack(t *testing.T, name string, full bool, attacks ...Attack) {
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
	length := briefly
	if *attackFor > 0 {
		length = rotating
	}
	pause(ctx, length)
	require.True(t, s.receiver.Running(), "%s", s.receiver.Output())
	peak := beattest.PeakMemory(t, s.receiver.PID())
	cancel()
	attacking.Wait()
	require.NoError(t, errors.Join(failures...))
	r := s.end(t, name, full)
	r.peak = max(r.peak, peak)
	require.NoError(t, s.stored.harvest(false))
}

// end notes what the Good clients had to wait since the attack before.
func (s *siege) end(t *testing.T, name string, full bool) *row {
	t.Helper()
	i := slices.IndexFunc(s.rows, func(r *row) bool { return r.name == name })
	if i < 0 {
		i = len(s.rows)
		s.rows = append(s.rows, &row{name: name})
	}
	for j, g := range s.good {
		waits := g.Take()
		s.rows[i].waits[j] = append(s.rows[i].waits[j], waits...)
		if !g.Fresh || !full {
			s.all[j] = append(s.all[j], waits...)
		}
	}
	return s.rows[i]
}

func (s *siege) table() string {
	var b strings.Builder
	b.WriteString("\n| attack | peak memory | acked: p99 | longest | on a new connection: p99 | longest |\n|---|---|---|---|---|---|\n")
	for _, r := range s.rows {
		fmt.Fprintf(&b, "| %s | %d MiB |", r.name, r.peak>>20)
		for _, w := range r.waits {
			fmt.Fprintf(&b, " %v | %v |", w.P99().Round(time.Millisecond), w.Longest().Round(time.Millisecond))
		}
		b.WriteString("\n")
	}
	return b.String()
}

// stored is what the receiver has in its folder.
type stored struct {
	folder    string
	numbers   map[string]map[int]bool // by the name of the client
	strangers int
}

// harvest reads and removes the files that are complete: all but the newest, or all of
// them at the end.
func (s *stored) harvest(end bool) error {
	files, err := filepath.Glob(s.folder + "*.ndjson")
	if err != nil {
		return err
	}
	slices.Sort(files)
	if !end {
		files = files[:max(0, len(files)-1)]
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		s.read(content)
		if err := os.Remove(file); err != nil {
			return err
		}
	}
	return nil
}

// read looks for numbers only where lines of Good clients are: attackers write
// hundreds of megabytes.
func (s *stored) read(content []byte) {
	s.strangers += bytes.Count(content, []byte(Stranger))
	const mark = " seq="
	for {
		at := bytes.Index(content, []byte(mark))
		if at < 0 {
			return
		}
		name := string(content[bytes.LastIndexByte(content[:at], '"')+1 : at])
		content = content[at+len(mark):]
		digits, _, _ := bytes.Cut(content[:min(len(content), 20)], []byte(" "))
		if number, err := strconv.Atoi(string(digits)); err == nil {
			if s.numbers[name] == nil {
				s.numbers[name] = map[int]bool{}
			}
			s.numbers[name][number] = true
		}
	}
}
