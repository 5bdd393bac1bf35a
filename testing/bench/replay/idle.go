// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"time"

	"filebeat-websocket/testing/beattest"
)

const (
	idleConnections = 1000
	idleWait        = 5 * time.Second
)

// idleMemory returns the resident memory, in MiB, of a receiver whose clients have
// connected and send nothing.
func idleMemory(ctx context.Context, s settings) (mebi float64, err error) {
	folder, err := os.MkdirTemp(s.folder, "replay-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	command := exec.CommandContext(ctx, s.receiver, "--listen", "127.0.0.1:0", "--quiet", "--out", folder+"/")
	command.Env = append(os.Environ(), "GOGC="+s.gogc)
	receiver, url, err := beattest.OpenReceiver(command)
	if err != nil {
		return 0, err
	}
	defer receiver.Kill()
	for range idleConnections {
		c, err := dial(ctx, url, nil, nil)
		if err != nil {
			return 0, receiver.Failure(err)
		}
		defer c.ws.Close() //nolint:errcheck // the receiver is killed
	}
	time.Sleep(idleWait)
	rss, err := receiver.RSS()
	return float64(rss) / (1 << 20), err
}
