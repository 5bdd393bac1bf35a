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
	"syscall"
	"time"

	"filebeat-websocket/testing/beattest"
)

const (
	pollInterval = 100 * time.Millisecond
	// stallTimeout without a further acked event ends a run as failed.
	stallTimeout = time.Minute
	stopTimeout  = 30 * time.Second
)

// measurement is the outcome of one run.
type measurement struct {
	eventsPerSecond float64
	cpuPerMillion   float64 // seconds
	peakRSS         float64 // MiB
	bytesPerEvent   float64 // of WebSocket messages; 0 without
}

// bench has what runs share.
type bench struct {
	filebeat string // binary
	logFile  string
	lines    int
	sink     *sink
}

// run lets a filebeat send all lines. begun, unless nil, is called when the first
// events are acked, and delays the end until it returns.
func (b *bench) run(ctx context.Context, c testCase, begun func() error, flags ...string) (m measurement, err error) {
	folder, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	log, err := os.Create(filepath.Join(folder, "filebeat.log"))
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	configFile := filepath.Join(folder, "filebeat.yml")
	if err := os.WriteFile(configFile, []byte(b.config(c, folder)), 0o600); err != nil {
		return m, err
	}

	bytesBefore := b.sink.bytes.Load()
	cmd := exec.CommandContext(ctx, b.filebeat, append([]string{"-c", configFile}, flags...)...)
	cmd.Stderr = log // standard output is the null device, for output.console
	if err := cmd.Start(); err != nil {
		return m, fmt.Errorf("%w (mage build makes it)", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()

	rate, err := b.follow(ctx, folder, ended, begun)
	if err == nil {
		err = stop(cmd, ended)
	} else {
		_ = cmd.Process.Kill() // it may have ended by itself
	}
	if err != nil {
		said, _ := os.ReadFile(log.Name()) // the error says enough without
		return m, fmt.Errorf("%w; filebeat says:\n%s", err, said[max(0, len(said)-4000):])
	}

	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return m, errors.New("no resource usage on this system")
	}
	millions := float64(b.lines) / 1e6
	bytes := b.sink.bytes.Load() - bytesBefore
	if c.usesServer() && bytes < int64(b.lines)*beattest.LineBytes {
		return m, fmt.Errorf("filebeat counts every event as acked, but the server has only %d bytes", bytes)
	}
	return measurement{
		eventsPerSecond: rate,
		cpuPerMillion:   (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds() / millions,
		peakRSS:         float64(usage.Maxrss) / 1024,
		bytesPerEvent:   float64(bytes) / float64(b.lines),
	}, nil
}

// config is that of a stock filebeat with one file to read.
func (b *bench) config(c testCase, folder string) string {
	output := os.Expand(c.output, func(name string) string {
		return map[string]string{"URL": b.sink.url(), "DIR": folder}[name]
	})
	return fmt.Sprintf(`
filebeat.inputs:
  - type: filestream
    id: bench
    paths: ["%s"]
path.home: "%s"
logging.to_stderr: true
logging.level: warning
logging.metrics.enabled: false
http.enabled: true
http.host: unix://%s
%s
`, b.logFile, folder, socket(folder), output)
}

func socket(folder string) string { return filepath.Join(folder, "http.sock") }

// follow returns when all events are acked, with their rate.
func (b *bench) follow(ctx context.Context, folder string, ended <-chan error, begun func() error) (eventsPerSecond float64, err error) {
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
		case err := <-ended:
			return 0, fmt.Errorf("filebeat ended early: %w", err)
		case <-poll.C:
		}
		acked, err := beattest.ReadStat(ctx, socket(folder), "libbeat.output.events.acked")
		now := time.Now()
		switch {
		case now.Sub(progress) > stallTimeout:
			return 0, fmt.Errorf("no progress after %d of %d events (%w)", last.acked, b.lines, err)
		case err != nil || acked == last.acked:
			continue // filebeat is starting, or between two batches
		case acked > b.lines:
			return 0, fmt.Errorf("%d events acked of %d lines", acked, b.lines)
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
		if acked == b.lines {
			// Two readings too close to each other say nothing.
			if elapsed := last.time.Sub(first.time).Seconds(); elapsed > pollInterval.Seconds()/2 {
				eventsPerSecond = float64(last.acked-first.acked) / elapsed
			}
			return eventsPerSecond, <-callback
		}
		last.time, last.acked = now, acked
	}
}

func stop(cmd *exec.Cmd, ended <-chan error) error {
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case err := <-ended:
		return err
	case <-time.After(stopTimeout):
		return fmt.Errorf("filebeat did not end within %v", stopTimeout)
	}
}
