// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"time"
)

// stopTimeout is how long a program has to end by itself.
const stopTimeout = 15 * time.Second

const filebeatLog = "filebeat.log" // in the temporary folder

// program is one of the two. What reads its pipes ends before it is waited for.
type program struct {
	cmd     *exec.Cmd
	readers []chan error
}

func start(cmd *exec.Cmd) (*program, error) {
	// A process group of its own: Ctrl-C reaches the demo alone, which stops
	// writing and lets the last lines through before it ends the two.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w (mage build makes the binaries)", err)
	}
	return &program{cmd: cmd}, nil
}

// read runs a reader of one of the program's pipes.
func (p *program) read(reader func() error) {
	done := make(chan error, 1)
	p.readers = append(p.readers, done)
	go func() { done <- reader() }()
}

// stop asks the program to end and returns what went wrong.
func (p *program) stop() error {
	kill := time.AfterFunc(stopTimeout, p.kill)
	defer kill.Stop()
	err := p.cmd.Process.Signal(syscall.SIGTERM)
	for _, reader := range p.readers {
		err = errors.Join(err, <-reader)
	}
	if err := errors.Join(err, p.cmd.Wait()); err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(p.cmd.Path), err)
	}
	return nil
}

// kill is for a program that did not stop, or was not asked to because something
// else failed.
func (p *program) kill() {
	_ = p.cmd.Process.Kill() // it has ended
}

var (
	listening = regexp.MustCompile(`msg=listening url=(\S+)`)
	liveTail  = regexp.MustCompile(`msg="live tail" url=(\S+)`)
)

// usualAddress is the one of the documents.
const usualAddress = "127.0.0.1:8080"

// freeAddress is the usual one, or any if something else is there.
func freeAddress(ctx context.Context) string {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", usualAddress)
	if err != nil {
		return "127.0.0.1:0"
	}
	_ = listener.Close()
	return usualAddress
}

// startReceiver starts wsreceiver with the live tail, whose URL arrived gets, and
// returns the URL for records.
func startReceiver(ctx context.Context, arrived *arrivals) (*program, string, error) {
	cmd := exec.CommandContext(ctx, "./wsreceiver", "--listen", freeAddress(ctx), "--tail", "--quiet", "--out", "-")
	records, err := cmd.StdoutPipe()
	if err != nil {
		return nil, "", err
	}
	log, err := cmd.StderrPipe()
	if err != nil {
		return nil, "", err
	}
	receiver, err := start(cmd)
	if err != nil {
		return nil, "", err
	}
	lines := bufio.NewReader(log)
	first, _ := lines.ReadString('\n') // what it said before an error shows below
	second, _ := lines.ReadString('\n')
	ingest, page := listening.FindStringSubmatch(first), liveTail.FindStringSubmatch(second)
	if ingest == nil || page == nil {
		receiver.kill()
		return nil, "", fmt.Errorf("wsreceiver does not listen: %q %q", first, second)
	}
	arrived.page = page[1]
	receiver.read(func() error { return arrived.follow(records) })
	receiver.read(func() error {
		_, err := io.Copy(io.Discard, lines)
		return err
	})
	return receiver, ingest[1], nil
}

// startFilebeat starts filebeat with settings for people who watch: nothing waits
// for more to come.
func startFilebeat(ctx context.Context, folder, url string) (*program, error) {
	config := fmt.Sprintf(`
filebeat.inputs:
  - type: filestream
    id: demo
    paths: ["%[1]s/access.log"]
    prospector.scanner.check_interval: 500ms
    backoff.init: 100ms
    backoff.max: 500ms
filebeat.shutdown_timeout: 5s
queue.mem.flush.timeout: 100ms
output.websocket.hosts: ["%[2]s"]
path.home: %[1]s
logging.to_stderr: true
logging.level: warning
logging.metrics.enabled: false
`, folder, url)
	configFile := filepath.Join(folder, "filebeat.yml")
	if err := os.WriteFile(configFile, []byte(config), 0o600); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(folder, filebeatLog))
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // filebeat has its own handle
	cmd := exec.CommandContext(ctx, "./filebeat", "-c", configFile)
	cmd.Stdout, cmd.Stderr = log, log
	return start(cmd)
}
