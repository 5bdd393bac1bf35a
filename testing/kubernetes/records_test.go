// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
)

// record is a line as it arrived.
type record struct {
	Message string
	Stream  string
	Host    struct{ Name string }
	Log     struct {
		File struct{ Path string }
	}
	Container  struct{ ID string }
	Kubernetes struct {
		Namespace string
		Pod       struct{ Name, UID string }
		Container struct{ Name string }
		Node      struct{ Name string }
		Labels    map[string]string
	}
}

// records are those in the receiver's folder. Files are read as they grow.
type records struct {
	t      *testing.T
	folder string
	read   map[string]int64 // bytes, by file
	lines  map[int]record   // the last with the number
	times  map[int]int      // how often each number arrived
}

var sequence = regexp.MustCompile(`seq=(\d+) `)

// poll reads what is new.
func (r *records) poll() {
	r.t.Helper()
	files, err := filepath.Glob(filepath.Join(r.folder, "*"))
	require.NoError(r.t, err)
	for _, path := range files {
		content := r.rest(path)
		content = content[:bytes.LastIndexByte(content, '\n')+1]
		r.read[path] += int64(len(content))
		for text := range bytes.Lines(content) {
			var arrived record
			require.NoError(r.t, json.Unmarshal(text, &arrived), string(text))
			match := sequence.FindStringSubmatch(arrived.Message)
			require.NotNil(r.t, match, "a line that nobody has logged whole: %s", text)
			number, err := strconv.Atoi(match[1])
			require.NoError(r.t, err)
			r.lines[number] = arrived
			r.times[number]++
		}
	}
}

// rest returns what a file has beyond what was read of it.
func (r *records) rest(path string) []byte {
	r.t.Helper()
	file, err := os.Open(path)
	require.NoError(r.t, err)
	defer func() { _ = file.Close() }()
	_, err = file.Seek(r.read[path], io.SeekStart)
	require.NoError(r.t, err)
	content, err := io.ReadAll(file)
	require.NoError(r.t, err)
	return content
}

// wait waits until all lines up to last have arrived.
func (r *records) wait(last int) {
	r.t.Helper()
	from := 1
	beattest.Eventually(r.t, patience, "all lines arrive", func() bool {
		r.poll()
		for from <= last && r.times[from] > 0 {
			from++
		}
		return from > last
	})
}

// repeats returns how many lines arrived more than once.
func (r *records) repeats() int {
	repeats := 0
	for _, times := range r.times {
		if times > 1 {
			repeats++
		}
	}
	return repeats
}
