// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package e2e holds the end-to-end tests: the real filebeat reads real files
// and sends them to real servers, which count the numbers of the lines.
package e2e

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"filebeat-websocket/testing/wstest"
)

func TestMain(m *testing.M) {
	if slices.Contains(os.Args, holdCommand) {
		if err := heldReceiver(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	// Most tests wait more than they work.
	if err := flag.Set("test.parallel", "4"); err != nil { // the command line has precedence
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// patience is how long a test waits for lines to arrive. It is generous: a test has
// to fail because of a missing line, not because of a slow machine.
const patience = time.Minute

// output returns an output section with fast retries for tests.
func output(url, more string) string {
	return fmt.Sprintf(`
output.websocket:
  hosts: ["%s"]
  backoff.init: 200ms
  backoff.max: 1s
%s`, url, more)
}

// arrived waits until the receiver has every line up to last, and requires that none
// is missing.
func arrived(t *testing.T, server *wstest.Server, last int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err := server.Wait(ctx, func(c wstest.Counts) bool { return c.Unique >= last })
	require.NoErrorf(t, err, "missing, among others: %v", server.Missing(1, last))
	require.Empty(t, server.Missing(1, last))
}

// fileSize is the offset that the registry has to reach.
func fileSize(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	require.NoError(t, err)
	return info.Size()
}
