// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"time"
)

// commandTimeout is how long a command, or the start of the receiver after it, may take.
const commandTimeout = 30 * time.Second

// shell returns the command as a user's shell runs it.
func shell(ctx context.Context, command string) *exec.Cmd {
	if runtime.GOOS == "windows" {
		return exec.CommandContext(ctx, "cmd", "/C", command) // #nosec G204 -- to run it is what the flag is for
	}
	return exec.CommandContext(ctx, "/bin/sh", "-c", command) // #nosec G204 -- to run it is what the flag is for
}

// stored runs --store-command and returns how often each marker of this run is in what it
// prints.
func (r *run) stored() (times map[string]int, problem string) {
	ctx, cancel := context.WithTimeout(r.ctx, commandTimeout)
	defer cancel()
	cmd := shell(ctx, r.StoreCommand)
	cmd.WaitDelay = time.Second
	var complaints strings.Builder
	cmd.Stderr = &complaints
	output, err := cmd.StdoutPipe()
	if err != nil {
		return nil, "--store-command: " + err.Error()
	}
	if err := cmd.Start(); err != nil {
		return nil, "--store-command: " + err.Error()
	}
	times = map[string]int{}
	marker := regexp.MustCompile(`wscheck-` + r.name + `-\d{6}\.`)
	reader := bufio.NewReaderSize(output, 64<<10)
	rest := ""
	for {
		piece := make([]byte, 64<<10)
		n, err := reader.Read(piece)
		text := rest + string(piece[:n])
		end := 0
		for _, at := range marker.FindAllStringIndex(text, -1) {
			times[text[at[0]:at[1]]]++
			end = at[1]
		}
		// A marker may be cut by the end of a piece.
		rest = text[max(end, len(text)-len("wscheck--000000.")-len(r.name)):]
		if err != nil {
			break
		}
	}
	if err := cmd.Wait(); err != nil {
		return nil, fmt.Sprintf("--store-command: %v: %s", err, shortened(strings.TrimSpace(complaints.String())))
	}
	return times, ""
}

// storedWithin runs --store-command until the records are there, or for the timeout.
func (r *run) storedWithin(records []record) (times map[string]int, problem string) {
	for deadline := time.Now().Add(r.Timeout); ; r.pause(20 * time.Millisecond) {
		times, problem = r.stored()
		if problem != "" || missing(times, records) == nil || time.Now().After(deadline) || r.ctx.Err() != nil {
			return times, problem
		}
	}
}

// missing returns the first record that is not there, or nil.
func missing(times map[string]int, records []record) *record {
	for i := range records {
		if times[records[i].marker] == 0 {
			return &records[i]
		}
	}
	return nil
}

// kill runs --kill-command, with its output in a file: what it starts in the background
// may keep that open.
func (r *run) kill() (problem string) {
	ctx, cancel := context.WithTimeout(r.ctx, commandTimeout)
	defer cancel()
	output, err := os.CreateTemp("", "wscheck-*")
	if err != nil {
		return "--kill-command: " + err.Error()
	}
	defer func() {
		_ = output.Close()
		_ = os.Remove(output.Name())
	}()
	cmd := shell(ctx, r.KillCommand)
	cmd.Stdout, cmd.Stderr = output, output
	err = cmd.Run()
	if _, failed := errors.AsType[*exec.ExitError](err); failed || err != nil {
		said, _ := os.ReadFile(output.Name()) // it is for the message only
		return fmt.Sprintf("--kill-command: %v: %s", err, shortened(strings.TrimSpace(string(said))))
	}
	return ""
}

// comesBack waits until the receiver accepts connections again.
func (r *run) comesBack() (problem string) {
	for deadline := time.Now().Add(commandTimeout); ; r.pause(50 * time.Millisecond) {
		s, problem := r.open(dialing{})
		if problem == "" {
			s.close()
			return ""
		}
		if time.Now().After(deadline) || r.ctx.Err() != nil {
			return problem
		}
	}
}
