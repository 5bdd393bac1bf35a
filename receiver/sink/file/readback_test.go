// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package file

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestReadBlocksBackVisitsEachLineOnceAndTheNewestFirst(t *testing.T) {
	var lines []string
	for n := range 60 {
		lines = append(lines, strings.Repeat("x", n*7%23)+fmt.Sprint(n)+"\n")
	}
	content := strings.Join(lines, "")
	for block := int64(1); block < 70; block++ {
		var read []byte
		more, err := readBlocksBack(strings.NewReader(content), int64(len(content)), block, 100, func(lines []byte) bool {
			require.True(t, bytes.HasSuffix(lines, []byte("\n")))
			read = append(bytes.Clone(lines), read...)
			return true
		})
		require.NoError(t, err)
		require.True(t, more)
		require.Equal(t, content, string(read), "block of %d", block)
	}
}

func TestReadBlocksBackLeavesOutALineThatIsTooLong(t *testing.T) {
	long := strings.Repeat("x", 100) + "\n"
	content := "a\n" + long + "b\n" + long + "c\n"
	for _, block := range []int64{3, 7, 20} {
		var read []byte
		_, err := readBlocksBack(strings.NewReader(content), int64(len(content)), block, 30, func(lines []byte) bool {
			read = append(bytes.Clone(lines), read...)
			return true
		})
		require.NoError(t, err)
		require.Equal(t, "a\nb\nc\n", string(read), "block of %d", block)
	}
}

func TestReadBackBeginsWithTheNewestFile(t *testing.T) {
	folder := t.TempDir()
	for n, name := range []string{"records-2021-02-05T221709.123Z.ndjson", "records-2021-02-05T221709.124Z.ndjson", "other.ndjson"} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), fmt.Appendf(nil, "%d\n", n), 0o600))
	}
	s, err := OpenFolder(folder, FolderOptions{})
	require.NoError(t, err)
	var visited []string
	visit := func(lines []byte, written time.Time) bool {
		require.WithinDuration(t, time.Now(), written, time.Minute)
		visited = append(visited, string(lines))
		return true
	}
	require.NoError(t, s.ReadBack(visit))
	require.Equal(t, []string{"1\n", "0\n"}, visited)
	visited = nil
	require.NoError(t, s.ReadBack(func(lines []byte, at time.Time) bool { return visit(lines, at) && false }))
	require.Equal(t, []string{"1\n"}, visited)
	require.NoError(t, s.Close())
	require.NoError(t, New(&bytes.Buffer{}).ReadBack(visit))
	require.Len(t, visited, 1)
}

func TestReadBackPassesOverAFolder(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "records-2021-02-05T221709.123Z.ndjson"), []byte("1\n"), 0o600))
	s, err := OpenFolder(folder, FolderOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	require.NoError(t, os.Mkdir(filepath.Join(folder, "records-2021-02-05T221709.124Z.ndjson"), 0o700))
	visited := 0
	require.NoError(t, s.ReadBack(func([]byte, time.Time) bool { visited++; return true }))
	require.Equal(t, 1, visited)
}
