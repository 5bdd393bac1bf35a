// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// record is what filestream makes of a line, with the fields that count here.
type record struct {
	offset      int
	message     string
	path        string
	inode       string // "device-inode"
	fingerprint string
	flags       []string
	time        string
}

func (r record) String() string {
	file := map[string]any{"path": r.path}
	if device, inode, has := strings.Cut(r.inode, "-"); has {
		file["device_id"], file["inode"] = device, inode
	}
	if r.fingerprint != "" {
		file["fingerprint"] = r.fingerprint
	}
	log := map[string]any{"offset": r.offset, "file": file}
	if r.flags != nil {
		log["flags"] = r.flags
	}
	text, err := json.Marshal(map[string]any{"@timestamp": r.time, "message": r.message, "log": log, "agent": map[string]any{"id": "a"}})
	if err != nil {
		panic(err)
	}
	return string(text)
}

// recordsOf returns what Filebeat makes of lines.
func recordsOf(content string, of record) (records []record) {
	for line := range strings.Lines(content) {
		r := of
		r.message = strings.TrimRight(line, "\r\n")
		of.offset += len(line)
		if r.message != "" {
			records = append(records, r)
		}
	}
	return records
}

// linesOf returns lines that are numbered, and longer than a fingerprint together.
func linesOf(what string, count int) string {
	var b strings.Builder
	for i := range count {
		fmt.Fprintf(&b, "%s line %d %s\n", what, i, strings.Repeat("x", 40+i%7))
	}
	return b.String()
}

func fingerprintOf(content string) string {
	sum := sha256.Sum256([]byte(content)[:DefaultFingerprintLength])
	return hex.EncodeToString(sum[:])
}

// write makes a file in the folder; a name that ends with .gz is gzip'd.
func write(t *testing.T, folder, name, content string) (path string) {
	t.Helper()
	path = filepath.Join(folder, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	if strings.HasSuffix(name, ".gz") {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, err := w.Write([]byte(content))
		require.NoError(t, err)
		require.NoError(t, w.Close())
		content = b.String()
	}
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func inode(t *testing.T, path string) string {
	t.Helper()
	info, err := os.Stat(path)
	require.NoError(t, err)
	return inodeOf(info)
}

func landed(records ...record) string {
	var b strings.Builder
	for _, r := range records {
		b.WriteString(r.String() + "\n")
	}
	return b.String()
}

// verified runs over a folder "landed" and returns all findings in short.
func verified(t *testing.T, folder string, o Options) (found []string, s Summary) {
	t.Helper()
	parts, err := FolderParts(filepath.Join(folder, "landed"))
	require.NoError(t, err)
	o.Landed = parts
	o.Found = func(f Finding) {
		text := fmt.Sprintf("%s %s %d-%d", filepath.Base(f.File), f.Kind, f.From, f.To)
		if f.Lines > 1 {
			text += fmt.Sprintf(" (%d)", f.Lines)
		}
		if f.AtEnd {
			text += " end"
		}
		found = append(found, text)
	}
	s, err = Run(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, len(found) == 0, s.OK())
	return found, s
}

// writer writes many lines.
type writer struct {
	*bufio.Writer
	file *os.File
}

func create(t *testing.T, path string) *writer {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	file, err := os.Create(path)
	require.NoError(t, err)
	return &writer{bufio.NewWriterSize(file, 1<<20), file}
}

func (w *writer) close(t *testing.T) {
	t.Helper()
	require.NoError(t, w.Flush())
	require.NoError(t, w.file.Close())
}
