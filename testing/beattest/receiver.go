// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package beattest

import (
	"bytes"
	"context"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Receiver is a wsreceiver that writes to a file, and can be killed and started
// again at the same address.
type Receiver struct {
	*Process
	// File has the records.
	File string

	tb      testing.TB
	program string
	addr    string
	args    []string
}

// StartReceiver starts the wsreceiver at the root of the module, with more flags
// if given.
func StartReceiver(tb testing.TB, args ...string) *Receiver {
	tb.Helper()
	return StartReceiverIn(tb, tb.TempDir(), args...)
}

// StartReceiverIn starts one whose file is in that folder.
func StartReceiverIn(tb testing.TB, folder string, args ...string) *Receiver {
	tb.Helper()
	return startReceiver(tb, Binary(tb, "wsreceiver"), folder, args)
}

// StartReceiverProgram starts another program with wsreceiver's flags --listen and --out.
func StartReceiverProgram(tb testing.TB, program string, args ...string) *Receiver {
	tb.Helper()
	return startReceiver(tb, program, tb.TempDir(), args)
}

func startReceiver(tb testing.TB, program, folder string, args []string) *Receiver {
	tb.Helper()
	r := &Receiver{
		File:    filepath.Join(folder, "records.ndjson"),
		tb:      tb,
		program: program,
		args:    args,
	}
	r.Start()
	return r
}

// listening is the line with which wsreceiver says that it is ready.
var listening = regexp.MustCompile(`listening.*url=(\S+)\s`)

// listenTimeout is how long a wsreceiver has to say that it listens.
const listenTimeout = time.Minute

// portTaken is what a receiver says whose port something else has.
const portTaken = "address already in use"

// portTakenPause is how long Start waits for such a port.
const portTakenPause = 50 * time.Millisecond

// OpenReceiver starts a wsreceiver, for a caller that is not a test, and returns
// the URL at which it takes records.
func OpenReceiver(cmd *exec.Cmd) (p *Process, url string, err error) {
	if p, err = OpenProcess(cmd); err != nil {
		return nil, "", err
	}
	match, err := p.Await(listening, listenTimeout)
	if err != nil {
		p.Kill()
		return nil, "", err
	}
	return p, match[1], nil
}

// Start starts the receiver again, at the address it had before. It tries again while
// something else has the port: while the receiver is down, the kernel may give the port
// to an outgoing connection, even to one that is for the receiver.
func (r *Receiver) Start() {
	r.tb.Helper()
	args := slices.Concat([]string{"--listen", "127.0.0.1:0", "--out", r.File}, r.args)
	if r.addr != "" {
		args = append(args, "--listen", r.addr) // the last one counts
	}
	deadline := time.Now().Add(listenTimeout)
	for {
		process, text, err := OpenReceiver(exec.CommandContext(context.WithoutCancel(r.tb.Context()), r.program, args...))
		if err != nil && r.addr != "" && strings.Contains(err.Error(), portTaken) && time.Now().Before(deadline) {
			time.Sleep(portTakenPause)
			continue
		}
		require.NoError(r.tb, err)
		cleanup(r.tb, process)
		address, err := url.Parse(text)
		require.NoError(r.tb, err)
		r.Process, r.addr = process, address.Host
		return
	}
}

// URL returns the address for output.websocket.
func (r *Receiver) URL() string { return "ws://" + r.addr + "/ingest" }

// Numbers returns how often each line number is in the file.
func (r *Receiver) Numbers() map[int]int {
	r.tb.Helper()
	content, err := os.ReadFile(r.File)
	require.NoError(r.tb, err)
	numbers := map[int]int{}
	for line := range bytes.Lines(content) {
		_, rest, found := bytes.Cut(line, []byte("seq="))
		if !found {
			continue
		}
		digits, _, _ := strings.Cut(string(rest[:min(len(rest), 20)]), " ")
		number, err := strconv.Atoi(digits)
		require.NoErrorf(r.tb, err, "a broken record: %.100q", line)
		numbers[number]++
	}
	return numbers
}

// Size returns the length of the file in bytes, 0 if there is none.
func (r *Receiver) Size() int64 {
	info, err := os.Stat(r.File)
	if err != nil {
		return 0
	}
	return info.Size()
}
