// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"filebeat-websocket/receiver"
	"filebeat-websocket/receiver/dedup"
	"filebeat-websocket/receiver/metrics"
	"filebeat-websocket/receiver/sink/file"
)

const standardOutput = "-"

// output is where records go.
type output interface {
	receiver.Sink
	// Failed returns why records are refused for now, nil if they are not.
	Failed() *receiver.Refusal
	Close() error
}

// openOutput opens the file, folder, stream or engine that records go to.
func openOutput(ctx context.Context, s settings, stdout io.Writer, maxMemory int64, log *slog.Logger) (output, error) {
	if s.isEngine() {
		return openEngine(ctx, s, maxMemory, log)
	}
	return openFile(s, stdout)
}

func openFile(s settings, stdout io.Writer) (*file.Sink, error) {
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
func wrap(ctx context.Context, s settings, output output, log *slog.Logger) (sink receiver.Sink, counters *metrics.Metrics, err error) {
	sink = output
	if s.metrics {
		counters = metrics.New()
	}
	if s.dedup > 0 {
		seen := dedup.New(s.dedup, sink)
		seen.ForgetAfter(s.dedupWindow)
		if file, ok := output.(*file.Sink); ok {
			if err := recall(ctx, seen, file, log); err != nil {
				return nil, nil, err
			}
		}
		sink = seen
		if counters != nil {
			counters.WatchDedup(seen)
		}
	}
	if counters == nil {
		return sink, nil, nil
	}
	if s.out != standardOutput && !s.isEngine() {
		counters.WatchOutput(s.out)
	}
	return metrics.Count(counters, sink), counters, nil
}

// recall reads back what the output holds, so that it is not written again.
func recall(ctx context.Context, seen *dedup.Dedup, output *file.Sink, log *slog.Logger) error {
	begun := time.Now()
	ids, err := seen.Recall(ctx, output.ReadBack)
	if ids > 0 {
		log.Info("read ids back from the output", "ids", ids, "took", time.Since(begun).Round(time.Millisecond))
	}
	return err
}
