// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

//go:build unix

package deadletter

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestOnlyRegularFilesAreWritten(t *testing.T) {
	for name, plant := range map[string]func(t *testing.T, path, elsewhere string){
		"a symbolic link":        func(t *testing.T, path, elsewhere string) { require.NoError(t, os.Symlink(elsewhere, path)) },
		"a pipe without readers": func(t *testing.T, path, _ string) { require.NoError(t, syscall.Mkfifo(path, 0o600)) },
		"a pipe that nobody empties": func(t *testing.T, path, _ string) {
			require.NoError(t, syscall.Mkfifo(path, 0o600))
			reader, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
			require.NoError(t, err)
			t.Cleanup(func() { _ = reader.Close() })
		},
		"a folder": func(t *testing.T, path, _ string) { require.NoError(t, os.Mkdir(path, 0o700)) },
	} {
		t.Run(name, func(t *testing.T) {
			folder, elsewhere := t.TempDir(), filepath.Join(t.TempDir(), "elsewhere")
			require.NoError(t, os.WriteFile(elsewhere, nil, 0o600))
			plant(t, filepath.Join(folder, "ws-"+time.Now().Format(dateFormat)+".ndjson"), elsewhere)
			require.Zero(t, write(t, settingsFor(folder), "a", "b"))
			content, err := os.ReadFile(elsewhere)
			require.NoError(t, err)
			require.Empty(t, content)
		})
	}
}
