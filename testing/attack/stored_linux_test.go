// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package attack

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// stored is what the receiver has in its folder.
type stored struct {
	folder    string
	numbers   map[string]map[int]bool // by the name of the client
	strangers int
}

// harvest reads and removes the files that are complete: all but the newest, or all of
// them at the end.
func (s *stored) harvest(end bool) error {
	files, err := filepath.Glob(s.folder + "*.ndjson")
	if err != nil {
		return err
	}
	slices.Sort(files)
	if !end {
		files = files[:max(0, len(files)-1)]
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		s.read(content)
		if err := os.Remove(file); err != nil {
			return err
		}
	}
	return nil
}

// read looks for numbers only where lines of Good clients are: attackers write
// hundreds of megabytes.
func (s *stored) read(content []byte) {
	s.strangers += bytes.Count(content, []byte(Stranger))
	const mark = " seq="
	for {
		at := bytes.Index(content, []byte(mark))
		if at < 0 {
			return
		}
		name := string(content[bytes.LastIndexByte(content[:at], '"')+1 : at])
		content = content[at+len(mark):]
		digits, _, _ := bytes.Cut(content[:min(len(content), 20)], []byte(" "))
		if number, err := strconv.Atoi(string(digits)); err == nil {
			if s.numbers[name] == nil {
				s.numbers[name] = map[int]bool{}
			}
			s.numbers[name][number] = true
		}
	}
}
