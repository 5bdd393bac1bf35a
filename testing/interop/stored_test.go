// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// stored reads the numbered records that a receiver has appended to its file.
type stored struct {
	t      *testing.T
	path   string
	before string      // what stands before the number of a record
	read   int64       // bytes
	seen   map[int]int // how often each number is in the file
	torn   int         // lines that are not JSON
	starts bool        // an empty line marks a start of the program
}

func newStored(t *testing.T, r *receiver, before string) *stored {
	return &stored{t: t, path: r.file, before: before, seen: map[int]int{}}
}

// look reads the whole lines that are new in the file.
func (s *stored) look() {
	s.t.Helper()
	file, err := os.Open(s.path)
	require.NoError(s.t, err)
	defer func() { _ = file.Close() }()
	_, err = file.Seek(s.read, io.SeekStart)
	require.NoError(s.t, err)
	content, err := io.ReadAll(file)
	require.NoError(s.t, err)
	whole := string(content[:strings.LastIndexByte(string(content), '\n')+1])
	s.read += int64(len(whole))
	for line := range strings.Lines(whole) {
		if line == "\n" && s.starts {
			continue
		}
		if !json.Valid([]byte(line)) {
			s.torn++
			continue
		}
		_, after, _ := strings.Cut(line, s.before)
		var seq int
		_, err := fmt.Sscanf(after, "%d", &seq)
		require.NoError(s.t, err, line)
		s.seen[seq]++
	}
}

// requireAll fails the test if a number from first to last is not in the file.
func (s *stored) requireAll(first, last int) {
	s.t.Helper()
	for seq := first; seq <= last; seq++ {
		if s.seen[seq] == 0 {
			require.FailNow(s.t, "a record is not in the file", "number %d", seq)
		}
	}
}
