// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package deadletter

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/elastic/elastic-agent-libs/logp"
	"github.com/elastic/elastic-agent-libs/monitoring"
)

func settingsFor(folder string) Settings {
	return Settings{Path: folder, Filename: "ws", RotateEveryKB: 1, NumberOfFiles: 3, Permissions: 0o600}
}

// write lets Run write letters with these texts, and returns how many it wrote.
func write(t *testing.T, settings Settings, texts ...string) uint64 {
	t.Helper()
	file := New(settings, monitoring.NewRegistry(), logp.NewLogger("test"))
	for _, text := range texts {
		file.Put(Letter{Reason: "refused", Text: text}, time.Now())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	file.Run(ctx)
	require.Equal(t, uint64(len(texts)), file.written.Get()+file.failed.Get())
	return file.written.Get()
}

func fileNames(t *testing.T, folder string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

func TestLettersAreLinesOfJSON(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "new")
	require.EqualValues(t, 2, write(t, settingsFor(folder), "a\nb", "c"))
	require.EqualValues(t, 1, write(t, settingsFor(folder), "d"), "a later start appends")
	found := fileNames(t, folder)
	require.Len(t, found, 1)
	content, err := os.ReadFile(filepath.Join(folder, found[0]))
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	require.Len(t, lines, 3)
	var letter Letter
	require.NoError(t, json.Unmarshal([]byte(lines[0]), &letter))
	require.Equal(t, "a\nb", letter.Text)
	info, err := os.Stat(filepath.Join(folder, found[0]))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
}

func TestOldFilesAreRemoved(t *testing.T) {
	folder := t.TempDir()
	for _, other := range []string{"ws-20000101.ndjson", "ws-20000101-2.ndjson", "ws-20000101-10.ndjson", "ws-other.ndjson", "ws-20000101.txt"} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, other), []byte(strings.Repeat("x", 900)), 0o600))
	}
	long := strings.Repeat("y", 400)
	require.EqualValues(t, 3, write(t, settingsFor(folder), long, long, long))
	today := time.Now().Format(dateFormat)
	require.Equal(t, []string{"ws-20000101-10.ndjson", "ws-20000101.txt", "ws-" + today + "-1.ndjson", "ws-" + today + ".ndjson", "ws-other.ndjson"}, fileNames(t, folder))
}

func TestNewestFileStaysTheNewestWhenTheClockIsSetBack(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "ws-29990101.ndjson"), []byte(strings.Repeat("x", 1000)), 0o600))
	require.EqualValues(t, 1, write(t, settingsFor(folder), strings.Repeat("y", 400)))
	require.Equal(t, []string{"ws-29990101-1.ndjson", "ws-29990101.ndjson"}, fileNames(t, folder))
}

func TestALineLongerThanAFileIsAnError(t *testing.T) {
	folder := t.TempDir()
	require.EqualValues(t, 1, write(t, settingsFor(folder), strings.Repeat("y", 2000), "short"))
}

func TestLettersThatFindNoPlaceAreCounted(t *testing.T) {
	file := New(settingsFor(t.TempDir()), monitoring.NewRegistry(), logp.NewLogger("test"))
	for range maxWaiting + 10 {
		file.Put(Letter{Reason: "refused"}, time.Now())
	}
	require.EqualValues(t, 10, file.failed.Get())
}
