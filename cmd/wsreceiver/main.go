// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"filebeat-websocket/cmd/internal/memory"
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
	memory.Tune()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the program; it ends when ctx does. It returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 && args[0] == verifyCommand {
		return runVerify(ctx, args[1:], stdout, stderr)
	}
	s, err := parseFlags(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		_, _ = io.WriteString(stdout, usage())
		return exitOK
	case err != nil:
		_, _ = fmt.Fprintf(stderr, "wsreceiver: %v\nTry wsreceiver --help.\n", err)
		return exitUsage
	case s.version:
		_, _ = fmt.Fprintf(stdout, "wsreceiver %s (commit %s, built %s)\n", version, commit, buildTime)
		return exitOK
	}
	log := slog.New(slog.NewTextHandler(stderr, nil))
	if err := serve(ctx, s, stdout, log); err != nil {
		_, _ = fmt.Fprintf(stderr, "wsreceiver: %v\n", err)
		return exitFailed
	}
	return exitOK
}
