// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"filebeat-websocket/testing/beattest"
)

// testCase is a kind of traffic.
type testCase struct {
	name        string
	connections int
	records     int // of one message
	recordBytes int
	ids         bool
}

var cases = []testCase{
	{name: "1 connection", connections: 1, records: 1600, recordBytes: 200},
	{name: "4 connections", connections: 4, records: 1600, recordBytes: 200},
	{name: "4 connections, records with ids", connections: 4, records: 1600, recordBytes: 200, ids: true},
	{name: "4 connections, records of 670 bytes", connections: 4, records: 1500, recordBytes: 670},
	{name: "1000 connections", connections: 1000, records: 50, recordBytes: 200},
	{name: "1000 connections, messages of 1 MB", connections: 1000, records: 5000, recordBytes: 200},
}

type measurement struct {
	recordsPerSecond float64
	p50, p99         time.Duration
	cpuPerMillion    float64 // seconds
	peakRSS          float64 // MiB
	engineCPU        float64 // seconds per million records
}

// run measures a fresh receiver.
func run(ctx context.Context, s settings, c testCase) (m measurement, err error) {
	folder, err := os.MkdirTemp(s.folder, "replay-")
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	command := exec.CommandContext(ctx, s.receiver, "--listen", "127.0.0.1:0", "--quiet", "--out", folder+"/")
	command.Env = append(os.Environ(), "GOGC="+s.gogc)
	receiver, url, err := beattest.OpenReceiver(command)
	if err != nil {
		return m, err
	}
	records, err := load(ctx, s, c, url, &m)
	if err != nil {
		receiver.Kill()
		return m, receiver.Failure(err)
	}
	if err := receiver.Close(); err != nil {
		return m, err
	}
	cpu, peakRSS := receiver.Usage()
	m.cpuPerMillion = cpu.Seconds() / (float64(records) / 1e6)
	m.peakRSS = float64(peakRSS) / (1 << 20)
	written, err := countLines(folder)
	if err == nil && written != records {
		err = fmt.Errorf("%d records were acked and %d are in the files", records, written)
	}
	return m, err
}

// load has the clients send for a while.
func load(ctx context.Context, s settings, c testCase, url string, m *measurement) (records int, err error) {
	var nextID atomic.Uint64
	shared := newTemplate(c.records, c.recordBytes, c.ids)
	clients := make([]*client, c.connections)
	for i := range clients {
		message := shared
		if c.ids {
			message = newTemplate(c.records, c.recordBytes, true) // each client writes its own ids
		}
		if clients[i], err = dial(ctx, url, message, &nextID); err != nil {
			return 0, err
		}
	}
	sending, stop := context.WithTimeout(ctx, s.length)
	defer stop()
	begun := time.Now()
	failures := make([]error, len(clients))
	var all sync.WaitGroup
	for i, c := range clients {
		all.Go(func() { failures[i] = c.run(sending) })
	}
	all.Wait()
	if err := errors.Join(failures...); err != nil {
		return 0, err
	}
	var delays []time.Duration
	last := begun
	for _, c := range clients {
		records += c.records
		delays = append(delays, c.acked...)
		if c.last.After(last) {
			last = c.last
		}
	}
	if len(delays) == 0 {
		return 0, errors.New("nothing was acked")
	}
	slices.Sort(delays)
	m.p50, m.p99 = delays[len(delays)/2], delays[len(delays)*99/100]
	m.recordsPerSecond = float64(records) / last.Sub(begun).Seconds()
	return records, nil
}

func countLines(folder string) (lines int, err error) {
	names, err := filepath.Glob(filepath.Join(folder, "records-*.ndjson"))
	if err != nil {
		return 0, err
	}
	chunk := make([]byte, 1<<20)
	for _, name := range names {
		file, err := os.Open(name)
		if err != nil {
			return 0, err
		}
		for err == nil {
			var n int
			n, err = file.Read(chunk)
			lines += bytes.Count(chunk[:n], []byte{'\n'})
		}
		if err = errors.Join(file.Close(), ignoreEOF(err)); err != nil {
			return 0, err
		}
	}
	return lines, nil
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
