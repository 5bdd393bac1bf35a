// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const (
	// limitMiB is the memory limit of the DaemonSet for Kubernetes.
	limitMiB = 200
	// idleSettle is how long nothing is measured after the last line, until waits at the
	// ends of files have grown to their maximum.
	idleSettle = 10 * time.Second
	idleLength = 20 * time.Second
)

// measureMany reads 2,000 files of 400 lines, without and with a limit on the memory.
func measureMany(ctx context.Context, b *bench) (section, error) {
	plain := testCase{name: "plain Filebeat, discard", stock: true, base: defaultQueue, load: "many", output: "discard"}
	ours := testCase{name: "shipped file", base: shippedFile, load: "many", output: "websocket"}
	cases := []testCase{plain, ours}
	all, err := b.compare(ctx, cases)
	if err != nil {
		return section{}, err
	}
	peak := all.versus(ours.name, plain.name, func(m, base measurement) float64 { return m.peakRSS / base.peakRSS })
	s := section{
		title: "Many files",
		text: fmt.Sprintf("2,000 files of 400 unread lines at the start; then the same in a control group of %d MiB, with the input's settings of the DaemonSet.",
			limitMiB),
		table: all.table(cases, plain.name),
		verdicts: []verdict{{
			goal:     "2,000 files: peak RSS at most that of plain Filebeat's discard",
			measured: peak.text("%.2f"),
			holds:    peak.median <= 1,
		}},
	}
	free := all.spread(ours.name, func(m measurement) float64 { return m.eventsPerSecond })
	limited := ours
	limited.input = daemonSetInput
	v, err := b.inControlGroup(ctx, limited, free.median)
	s.verdicts = append(s.verdicts, v)
	return s, err
}

// inControlGroup runs a case in limitMiB. free is how many events/s it has without a limit.
func (b *bench) inControlGroup(ctx context.Context, c testCase, free float64) (verdict, error) {
	v := verdict{
		goal:     fmt.Sprintf("2,000 files in %d MiB: all delivered, at half the events/s or more", limitMiB),
		measured: "not measured, it takes root and control groups",
	}
	if c.group = newControlGroup(limitMiB << 20); c.group == "" {
		return v, nil
	}
	m, killed := b.run(ctx, c, nil, nil)
	if v.measured = "killed or stuck"; killed == nil {
		v.measured = fmt.Sprintf("%.2f times the events/s, peak %.0f MiB", m.eventsPerSecond/free, m.peakRSS)
		v.holds = m.eventsPerSecond >= free/2
	}
	return v, errors.Join(ctx.Err(), c.group.remove())
}

// daemonSetInput are the settings of build/kubernetes/base/filebeat.yml that bound memory.
var daemonSetInput = map[string]any{"buffer_size": 4096}

// measureIdle measures what 2,000 files cost that nobody writes to.
func measureIdle(ctx context.Context, b *bench) (section, error) {
	share, err := b.idleShare(ctx, testCase{base: shippedFile, load: "idle", output: "websocket"})
	if err != nil {
		return section{}, err
	}
	plain, err := b.idleShare(ctx, testCase{stock: true, base: defaultQueue, load: "idle", output: "discard"})
	return section{
		title: "Idle files",
		text:  fmt.Sprintf("2,000 files of one line, watched for %v, %v after the line was sent.", idleLength, idleSettle),
		table: fmt.Sprintf("| | %% of a core |\n|---|---|\n| shipped file | %.1f |\n| plain Filebeat, discard | %.1f |\n\n", share, plain),
		verdicts: []verdict{{
			goal:     "2,000 idle files: at most 3 % of a core",
			measured: fmt.Sprintf("%.1f %%", share),
			holds:    share <= 3,
		}},
	}, err
}

// idleShare returns the percentage of a core that a filebeat takes when all is sent.
func (b *bench) idleShare(ctx context.Context, c testCase) (percent float64, err error) {
	started := make(chan *process, 1)
	watch := func(p *process) {
		select {
		case started <- p:
		default:
		}
	}
	_, err = b.run(ctx, c, func() error {
		p := <-started
		time.Sleep(idleSettle)
		before, err := p.cpuTime()
		if err != nil {
			return err
		}
		time.Sleep(idleLength)
		after, err := p.cpuTime()
		percent = 100 * (after - before).Seconds() / idleLength.Seconds()
		return err
	}, watch)
	return percent, err
}

// cpuTime returns the user and system time so far, in steps of 10 ms. It needs Linux.
func (p *process) cpuTime() (time.Duration, error) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.PID()))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(content), ") ") // behind the name
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, fmt.Errorf("stat has %d fields", len(fields))
	}
	user, err := strconv.Atoi(fields[11])
	system, systemErr := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond, errors.Join(err, systemErr)
}

// measureStart measures the time from the start of a filebeat to the arrival of a line.
func measureStart(ctx context.Context, b *bench) (section, error) {
	var took []float64
	for range b.rounds + 1 {
		arrival, err := b.arrival(ctx)
		if err != nil {
			return section{}, err
		}
		took = append(took, float64(arrival.Milliseconds()))
	}
	warm := spreadOf(took[1:])
	return section{
		title: "Start",
		text:  "From the start of the process to the arrival of the first line at the server. The first start is not counted.",
		table: fmt.Sprintf("| | ms |\n|---|---|\n| start to first line | %s |\n\n", warm.text("%.0f")),
		verdicts: []verdict{{
			goal:     "start to first line under 400 ms",
			measured: warm.text("%.0f ms"),
			holds:    warm.median < 400,
		}},
	}, nil
}

// arrival returns the time from the start of a filebeat to the arrival of its first bytes.
func (b *bench) arrival(ctx context.Context) (took time.Duration, err error) {
	folder, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	before, begun := b.sinks.bytes.Load(), time.Now()
	p, err := b.start(ctx, testCase{base: shippedFile, load: "one", output: "websocket"}, folder)
	if err != nil {
		return 0, err
	}
	for b.sinks.bytes.Load() == before && err == nil {
		time.Sleep(time.Millisecond)
		if time.Since(begun) > stallTimeout {
			err = errors.New("nothing arrived")
		}
	}
	took = time.Since(begun)
	return took, p.end(err)
}

// controlGroup is the folder of a control group with a limit on its memory.
type controlGroup string

// newControlGroup makes a group with either version of control groups, or returns an empty
// one if it cannot: it takes root.
func newControlGroup(bytes int) controlGroup {
	root, file := "/sys/fs/cgroup/memory", "memory.limit_in_bytes"
	if _, err := os.Stat(filepath.Join(root, file)); err != nil {
		root, file = "/sys/fs/cgroup", "memory.max"
	}
	g := controlGroup(filepath.Join(root, fmt.Sprintf("bench-%d", os.Getpid())))
	if os.Mkdir(string(g), 0o755) != nil {
		return ""
	}
	if os.WriteFile(filepath.Join(string(g), file), []byte(strconv.Itoa(bytes)), 0o600) != nil {
		_ = g.remove() // it is of no use without a limit
		return ""
	}
	return g
}

// join has cmd, which is not started yet, run in the group.
func (g controlGroup) join(cmd *exec.Cmd) {
	shell := []string{"/bin/sh", "-c", `echo $$ > "$0" && exec "$@"`, filepath.Join(string(g), "cgroup.procs"), cmd.Path}
	cmd.Path, cmd.Args = shell[0], append(shell, cmd.Args[1:]...)
}

func (g controlGroup) remove() error { return os.Remove(string(g)) }
