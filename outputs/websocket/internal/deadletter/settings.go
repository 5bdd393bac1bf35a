// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package deadletter

import (
	"errors"
	"fmt"
	"iter"
	"strings"
)

// Settings are the settings of the files. An empty Path turns them off.
type Settings struct {
	Path          string `config:"path"`
	Filename      string `config:"filename"`
	RotateEveryKB int    `config:"rotate_every_kb"`
	NumberOfFiles int    `config:"number_of_files"`
	Permissions   uint32 `config:"permissions"`
}

// maxFiles is the upper limit of number_of_files.
const maxFiles = 1024

// Problems returns an error for every setting with an invalid value, by its key.
func (s Settings) Problems() iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if s.Path == "" {
			return
		}
		for _, problem := range []struct {
			found bool
			key   string
			err   error
		}{
			{s.Filename == "" || strings.ContainsAny(s.Filename, `/\`), "filename", errors.New("must be the name of a file, without a folder")},
			{s.RotateEveryKB < 1, "rotate_every_kb", fmt.Errorf("must be at least 1, is %d", s.RotateEveryKB)},
			{s.NumberOfFiles < 1, "number_of_files", fmt.Errorf("must be at least 1, is %d", s.NumberOfFiles)},
			{s.NumberOfFiles > maxFiles, "number_of_files", fmt.Errorf("must be at most %d", maxFiles)},
			{s.Permissions > 0o777, "permissions", fmt.Errorf("must be at most 0777, is %#o", s.Permissions)},
		} {
			if problem.found && !yield(problem.key, problem.err) {
				return
			}
		}
	}
}
