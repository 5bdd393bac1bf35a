// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"io"
	"os"
	"strings"

	"filebeat-websocket/receiver"
	"filebeat-websocket/receiver/metrics"
)

const standardOutput = "-"

// openStore opens the output. commit is nil where there is nothing to sync, or
// nobody wants it synced.
func openStore(s settings, stdout io.Writer) (store *receiver.Store, commit func(context.Context) error, err error) {
	switch {
	case s.out == standardOutput:
		return receiver.NewStore(stdout), nil, nil
	case isFolder(s.out):
		store, err = receiver.OpenFolderStore(s.out, receiver.FolderOptions{RotateBytes: int64(s.rotateBytes), Unsynced: !s.sync})
	case s.sync:
		store, err = receiver.OpenStore(s.out)
	default:
		store, err = receiver.OpenUnsyncedStore(s.out)
	}
	if err != nil || !s.sync {
		return store, nil, err
	}
	return store, store.Commit, nil
}

func isFolder(name string) bool {
	if strings.HasSuffix(name, "/") || strings.HasSuffix(name, string(os.PathSeparator)) {
		return true
	}
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

// watched puts between the Handler and the store what the flags want: the
// memory of ids, then the counting, which sees what came again too. m is nil
// without --metrics.
func watched(s settings, options *receiver.Options) (m *metrics.Metrics, err error) {
	var dedup *receiver.Dedup
	if s.dedup > 0 {
		if dedup, err = receiver.NewDedup(s.dedup, options.Consume, options.Commit); err != nil {
			return nil, err
		}
		options.Consume = dedup.Consume
		if options.Commit != nil {
			options.Commit = dedup.Commit
		}
	}
	if !s.metrics {
		return nil, nil //nolint:nilnil // there are none
	}
	m = metrics.New()
	m.Watch(options)
	if dedup != nil {
		m.WatchDedup(dedup)
	}
	if s.out != standardOutput {
		m.WatchOutput(s.out)
	}
	return m, nil
}
