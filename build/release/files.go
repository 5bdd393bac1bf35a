// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package release

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// copyTree copies the files of a folder into another one, except the files and folders
// whose names are in without. Modes are those of new files, because files of the module
// cache are read-only.
func copyTree(to, from string, without []string) error {
	return filepath.WalkDir(from, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, file)
		if err != nil {
			return err
		}
		target := filepath.Join(to, relative)
		switch {
		case slices.Contains(without, entry.Name()) && entry.IsDir():
			return filepath.SkipDir
		case slices.Contains(without, entry.Name()):
			return nil
		case entry.IsDir():
			return os.MkdirAll(target, 0o755)
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o644)
		if filepath.Base(file) == "filebeat.yml" {
			mode = 0o600
		}
		return os.WriteFile(target, content, mode)
	})
}

// copyFile copies a file, and makes the folders that it needs.
func copyFile(to, from string, mode os.FileMode) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(to, content, mode); err != nil {
		return err
	}
	return os.Chmod(to, mode)
}

// setTimes sets the time of everything in a folder.
func setTimes(folder string, modified time.Time) error {
	return filepath.WalkDir(folder, func(file string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chtimes(file, modified, modified)
	})
}

// emptyFolder makes a folder, without what was in it, and returns its absolute path.
func emptyFolder(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if err := os.RemoveAll(path); err != nil {
		return "", fmt.Errorf("emptying a folder: %w", err)
	}
	return path, os.MkdirAll(path, 0o755)
}

// writeFile makes a file with what write writes.
func writeFile(path string, write func(io.Writer) error) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := errors.Join(write(file), file.Close()); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
