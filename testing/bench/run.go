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
	"time"

	"filebeat-websocket/testing/beattest"
)

const (
	pollInterval = 250 * time.Millisecond
	// stallTimeout without a further acked event ends a run as failed.
	stallTimeout = time.Minute
)

// measurement is the outcome of one run.
type measurement struct {
	eventsPerSecond float64
	cpuPerMillion   float64 // seconds
	peakRSS         float64 // MiB
	bytesPerEvent   float64 // as the server got them, after inflating; 0 without a server
	wirePerEvent    float64 // read from WebSocket's sockets
}

// bench is what all runs share.
type bench struct {
	shipped     string // binary of the distribution
	stock       string // and of plain Filebeat
	earlier     string // and of the distribution at an earlier commit; empty without one
	folder      string // of the loads
	loads       map[string]load
	sinks       *sinks
	slowAddress string // of the proxy before the WebSocket server that delays
	rounds      int
}

// observer is called at each progress of a run, by the goroutine that follows it.
type observer func(p *process)

// run lets a filebeat send all lines of the case's load. begun, unless nil, is
// called when the first events are acked, and delays the end until it returns.
func (b *bench) run(ctx context.Context, c testCase, begun func() error, watch observer, flags ...string) (m measurement, err error) {
	folder, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	c.load = orAccess(c.load)
	p, err := b.start(ctx, c, folder, flags...)
	if err != nil {
		return m, err
	}
	bytesBefore, wireBefore := b.sinks.bytes.Load(), b.sinks.wire.Load()
	lines := b.loads[c.load].lines
	rate, err := p.follow(ctx, lines, begun, watch)
	if err = p.end(err); err != nil {
		return m, err
	}
	cpu, peakRSS := p.Usage()
	bytes := b.sinks.bytes.Load() - bytesBefore
	if c.usesServer() && bytes < int64(lines*b.loads[c.load].lineBytes) {
		return m, fmt.Errorf("filebeat says that every event is acked, but the server received only %d bytes", bytes)
	}
	return measurement{
		eventsPerSecond: rate,
		cpuPerMillion:   cpu.Seconds() / float64(lines) * 1e6,
		peakRSS:         float64(peakRSS) / (1 << 20),
		bytesPerEvent:   float64(bytes) / float64(lines),
		wirePerEvent:    float64(b.sinks.wire.Load()-wireBefore) / float64(lines),
	}, nil
}

func orAccess(name string) string {
	if name == "" {
		return "access"
	}
	return name
}

func (c testCase) usesServer() bool {
	return c.output == "websocket" || c.output == "logstash" || c.output == "redis"
}

// process is a running filebeat.
type process struct {
	*beattest.Process
	folder string
}

func (b *bench) start(ctx context.Context, c testCase, folder string, flags ...string) (*process, error) {
	config, err := b.writeConfig(c, folder)
	if err != nil {
		return nil, err
	}
	binary := b.shipped
	switch {
	case c.stock:
		binary = b.stock
	case c.before:
		binary = b.earlier
	}
	cmd := exec.CommandContext(ctx, binary, append([]string{"-c", config}, flags...)...)
	if c.gogc != "" {
		cmd.Env = append(os.Environ(), "GOGC="+c.gogc)
	}
	if c.group != "" {
		c.group.join(cmd)
	}
	filebeat, err := beattest.OpenProcess(cmd)
	if err != nil {
		return nil, fmt.Errorf("%w (make it with: go tool mage build)", err)
	}
	return &process{Process: filebeat, folder: folder}, nil
}

// end stops filebeat, or kills it if something failed before; that error then also
// has the end of filebeat's output.
func (p *process) end(failure error) error {
	if failure == nil {
		return p.Close()
	}
	p.Kill()
	return p.Failure(failure)
}

func socket(folder string) string { return filepath.Join(folder, "http.sock") }

// follow returns when all lines are acked, with their rate.
func (p *process) follow(ctx context.Context, lines int, begun func() error, watch observer) (eventsPerSecond float64, err error) {
	poll := time.NewTicker(pollInterval)
	defer poll.Stop()
	var first, last struct {
		time  time.Time
		acked int
	}
	callback := make(chan error, 1)
	progress := time.Now()
	for {
		select {
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		case <-p.Done():
			return 0, beattest.ErrEnded
		case <-poll.C:
		}
		acked, err := beattest.ReadStat(ctx, socket(p.folder), "libbeat.output.events.acked")
		now := time.Now()
		switch {
		case now.Sub(progress) > stallTimeout:
			return 0, fmt.Errorf("no progress after %d of %d events (%w)", last.acked, lines, err)
		case err != nil || acked == last.acked:
			continue // filebeat is starting, or between two batches
		case acked > lines:
			return 0, fmt.Errorf("%d events acked of %d lines", acked, lines)
		case first.acked == 0:
			first.time, first.acked = now, acked
			go func() {
				if begun == nil {
					callback <- nil
					return
				}
				callback <- begun()
			}()
		}
		progress = now
		if watch != nil {
			watch(p)
		}
		if acked == lines {
			// A rate between two readings that are close together means nothing.
			if elapsed := last.time.Sub(first.time).Seconds(); elapsed > pollInterval.Seconds()/2 {
				eventsPerSecond = float64(last.acked-first.acked) / elapsed
			}
			return eventsPerSecond, <-callback
		}
		last.time, last.acked = now, acked
	}
}
