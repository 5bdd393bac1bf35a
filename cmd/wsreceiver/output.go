// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"os"
	"strings"

	"filebeat-websocket/receiver"
	"filebeat-websocket/receiver/dedup"
	"filebeat-websocket/receiver/metrics"
	"filebeat-websocket/receiver/sink/file"
)

const standardOutput = "-"

// openOutput opens the file, folder or stream that records go to.
func openOutput(s settings, stdout io.Writer) (*file.Sink, error) {
	switch {
	case s.out == standardOutput:
		return file.New(stdout), nil
	case isFolder(s.out):
		return file.OpenFolder(s.out, file.FolderOptions{RotateBytes: int64(s.rotateBytes), Unsynced: !s.sync})
	case s.sync:
		return file.Open(s.out)
	}
	return file.OpenUnsynced(s.out)
}

func isFolder(name string) bool {
	if strings.HasSuffix(name, "/") || strings.HasSuffix(name, string(os.PathSeparator)) {
		return true
	}
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

// wrap puts deduplication and counting before the output, as the flags say. The
// counters see duplicates too, and are nil without --metrics.
func wrap(s settings, output *file.Sink) (sink receiver.Sink, counters *metrics.Metrics) {
	sink = output
	if s.metrics {
		counters = metrics.New()
	}
	if s.dedup > 0 {
		seen := dedup.New(s.dedup, sink)
		sink = seen
		if counters != nil {
			counters.WatchDedup(seen)
		}
	}
	if counters == nil {
		return sink, nil
	}
	if s.out != standardOutput {
		counters.WatchOutput(s.out)
	}
	return metrics.Count(counters, sink), counters
}
