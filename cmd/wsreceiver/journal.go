// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"os"
	"path/filepath"

	"filebeat-websocket/receiver/dedup"
)

// keepRequests has seen remember requests in a hidden file beside the output, or in its
// folder, which stays open until the program ends.
func keepRequests(s settings, seen *dedup.Dedup) error {
	if s.out == standardOutput {
		return nil
	}
	name, isEmpty, err := journalOf(s.out)
	if name == "" || err != nil {
		return err
	}
	if isEmpty {
		// The output may have been removed since, and have the inode of the one before.
		if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	out, err := os.Open(s.out)
	if err != nil {
		return err
	}
	defer out.Close() //nolint:errcheck // it was not written to
	origin, err := originOf(out)
	if err != nil {
		return err
	}
	j, err := dedup.OpenJournal(name, origin)
	if err != nil {
		return err
	}
	requests, err := seen.Keep(j)
	if requests > 0 && s.sync && err == nil {
		// They will be confirmed when they come again, and the process before may have ended
		// between a write and the sync.
		err = syncAll(out)
	}
	return err
}

// journalOf returns the name of the journal of an output, empty if the output holds
// nothing, and whether the output is empty.
func journalOf(out string) (name string, isEmpty bool, err error) {
	info, err := os.Stat(out)
	switch {
	case err != nil:
		return "", false, err
	case info.IsDir():
		files, err := filepath.Glob(filepath.Join(out, "*.ndjson"))
		return filepath.Join(out, ".requests"), len(files) == 0, err
	case info.Mode().IsRegular():
		return filepath.Join(filepath.Dir(out), "."+filepath.Base(out)+".requests"), info.Size() == 0, nil
	}
	return "", false, nil
}
