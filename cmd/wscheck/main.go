// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"filebeat-websocket/cmd/wscheck/internal/rules"
)

// Set by the linker: -X main.version=… -X main.commit=… -X main.buildTime=….
var (
	version   = "dev"
	commit    = "unknown"
	buildTime = "unknown"
)

const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the program. It returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	s, err := parseFlags(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		_, _ = io.WriteString(stdout, usage())
		return exitOK
	case err != nil:
		_, _ = fmt.Fprintf(stderr, "wscheck: %v\nTry wscheck --help.\n", err)
		return exitUsage
	case s.version:
		_, _ = fmt.Fprintf(stdout, "wscheck %s (commit %s, built %s)\n", version, commit, buildTime)
		return exitOK
	case s.list:
		list(stdout, s)
		return exitOK
	}
	out := newReport(s, stdout, stderr)
	out.end(rules.Run(ctx, s.options, s.rules, out.watcher()))
	if out.passed() {
		return exitOK
	}
	return exitFailed
}
