// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"time"

	"filebeat-websocket/testing/beattest"
)

// ownGroup puts one of the two programs into a process group of its own. Ctrl-C then
// reaches the demo alone, which stops writing and waits for the last lines before it
// stops the programs.
func ownGroup(cmd *exec.Cmd) *exec.Cmd {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}

// usualAddress is the one of the documents.
const usualAddress = "127.0.0.1:8080"

// freeAddress is the usual one, or any free port if that one is taken.
func freeAddress(ctx context.Context) string {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", usualAddress)
	if err != nil {
		return "127.0.0.1:0"
	}
	_ = listener.Close()
	return usualAddress
}

// wsreceiver is the running receiver.
type wsreceiver struct {
	*beattest.Process
	url      string     // where it takes records
	followed chan error // gets the result of follow
}

var liveTail = regexp.MustCompile(`msg="live tail" url=(\S+)\s`)

// startTimeout is how long wsreceiver has to say where its live tail is.
const startTimeout = 10 * time.Second

// openReceiver starts wsreceiver with the live tail. The records go to arrived.
func openReceiver(ctx context.Context, arrived *arrivals) (*wsreceiver, error) {
	records, stdout, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd := ownGroup(exec.CommandContext(ctx, "./wsreceiver", "--listen", freeAddress(ctx), "--tail", "--quiet", "--out", "-"))
	cmd.Stdout = stdout
	process, url, err := beattest.OpenReceiver(cmd)
	_ = stdout.Close() // wsreceiver has its own handle
	if err != nil {
		_ = records.Close() // nothing was read
		return nil, explained(err)
	}
	tail, err := process.Await(liveTail, startTimeout)
	if err != nil {
		process.Kill()
		_ = records.Close()
		return nil, err
	}
	r := &wsreceiver{Process: process, url: url, followed: make(chan error, 1)}
	arrived.page = tail[1]
	go func() { r.followed <- errors.Join(arrived.follow(records), records.Close()) }()
	return r, nil
}

// Close stops wsreceiver and waits until its last record is counted.
func (r *wsreceiver) Close() error {
	return errors.Join(r.Process.Close(), <-r.followed)
}

// explained says what to do if the error is that a binary is not there.
func explained(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w; make the binaries with: go tool mage build", err)
	}
	return err
}

// openFilebeat starts filebeat with short waits, since people watch.
func openFilebeat(ctx context.Context, folder, url string) (*beattest.Process, error) {
	config := fmt.Sprintf(`
filebeat.inputs:
  - type: filestream
    id: demo
    paths: ["%[1]s/access.log"]
    prospector.scanner.check_interval: 500ms
    backoff.init: 100ms
    backoff.max: 500ms
    close.on_state_change.removed: false
    close.on_state_change.inactive: 24h
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
	filebeat, err := beattest.OpenProcess(ownGroup(exec.CommandContext(ctx, "./filebeat", "-c", configFile)))
	if err != nil {
		return nil, explained(err)
	}
	return filebeat, nil
}
