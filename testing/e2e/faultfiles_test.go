// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
)

const (
	// smallQueue leaves a part of a file unread while the server is away or slow.
	smallQueue       = "queue.mem: {events: 500, flush.min_events: 250, flush.timeout: 50ms}"
	smallQueueEvents = 500

	// scanInterval is how often filebeat looks for files.
	scanInterval = 500 * time.Millisecond
	// scanned is long enough to see that a file is gone.
	scanned = 2 * scanInterval
)

// shippedInputs returns the inputs of the shipped filebeat.yml, which read the setup's
// files and look for them more often.
func shippedInputs(t *testing.T, setup beattest.Setup) string {
	t.Helper()
	const paths = "- /var/log/*.log"
	inputs, _, found := strings.Cut(textOf("filebeat.yml")(t), "\noutput.websocket:")
	require.True(t, found)
	require.Contains(t, inputs, paths)
	return strings.Replace(inputs, paths,
		fmt.Sprintf("- %s\n    prospector.scanner.check_interval: %v", setup.LogFile("*.log"), scanInterval), 1)
}

// file returns the file that a line goes to.
func (run *faultRun) file(seq int) string {
	if run.row.files == 0 {
		return run.setup.LogFile("a.log")
	}
	return run.setup.LogFile(fmt.Sprintf("%d.log", seq%run.row.files))
}

// writeSteps appends all steps but the first and closes half when half of them are there.
func (run *faultRun) writeSteps(half chan<- struct{}) error {
	for n := 1; n < faultSteps; n++ {
		if n == faultSteps/2 {
			close(half)
		}
		time.Sleep(faultPace)
		if err := run.writeStep(n); err != nil {
			return err
		}
	}
	return nil
}

func (run *faultRun) writeStep(n int) error {
	const step = faultLines / faultSteps
	if run.row.files == 0 {
		return run.write(n*step+1, (n+1)*step)
	}
	for seq := n*step + 1; seq <= (n+1)*step; seq++ {
		if err := run.write(seq, seq); err != nil {
			return err
		}
	}
	return nil
}

// write appends lines to the file of the first one.
func (run *faultRun) write(first, last int) error {
	path := run.file(first)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	// The file may have been renamed meanwhile, as logrotate does it.
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	var lines strings.Builder
	for seq := first; seq <= last; seq++ {
		lines.WriteString(beattest.Line(seq) + "\n")
	}
	_, err = file.WriteString(lines.String())
	return errors.Join(err, file.Close())
}

// isKnown reports whether filebeat knows that all lines have arrived.
func (run *faultRun) isKnown() bool {
	if run.row.shipped {
		// A rotated file and the one in its place have the same name in the registry.
		return run.filebeat.Stat("libbeat.output.events.acked") >= faultLines
	}
	return run.setup.RegistryOffsets(run.t)["a.log"] == fileSize(run.t, run.setup.LogFile("a.log"))
}

// queueIsFull waits until filebeat reads no more.
func (run *faultRun) queueIsFull() {
	beattest.Eventually(run.t, patience, "the queue is full", func() bool {
		return run.filebeat.Stat("libbeat.pipeline.events.active") >= smallQueueEvents
	})
}

// rotate renames the file, and deletes it after filebeat has looked for it.
func (run *faultRun) rotate() {
	file := run.setup.LogFile("a.log")
	require.NoError(run.t, os.Rename(file, file+".1"))
	time.Sleep(scanned)
	require.NoError(run.t, os.Remove(file+".1"))
}

// rotateInAnOutage rotates while the server is away, and a part of the file is unread.
func (run *faultRun) rotateInAnOutage() {
	begun := time.Now()
	run.server().Kill()
	run.queueIsFull()
	time.Sleep(outage / 2)
	run.rotate()
	time.Sleep(scanned)
	run.away += time.Since(begun)
	run.comeBack()
}

// loseServerOfAllFiles takes the server away once filebeat has all files open.
func (run *faultRun) loseServerOfAllFiles() {
	beattest.Eventually(run.t, patience, "all files are open", func() bool {
		return run.filebeat.Stat("filebeat.harvester.running") == run.row.files
	})
	server := run.server()
	server.Kill()
	require.Less(run.t, server.Counts().Unique, faultLines, "the server was too fast to be killed in the middle")
	run.isAway(outage)
	run.comeBack()
}
