// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package eventid

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/elastic/beats/v7/libbeat/beat"
)

// The temporary folder of a test has to be on a file system that knows when a file was made.
func TestAFileThatFilebeatForgotAtItsStartKeepsItsIDs(t *testing.T) {
	const acked = 30
	forget := func(t *testing.T, data, _ string) {
		t.Helper()
		log, err := os.OpenFile(filepath.Join(data, filepath.FromSlash(registryFolder), "log.json"), os.O_APPEND|os.O_WRONLY, 0)
		require.NoError(t, err)
		_, err = log.WriteString("{\"op\":\"remove\",\"id\":2}\n{\"k\":\"" + string(someFile) + "\"}\n")
		require.NoError(t, err)
		require.NoError(t, log.Close())
	}
	shorten := func(t *testing.T, _, path string) {
		t.Helper()
		require.NoError(t, os.Truncate(path, acked-1))
	}
	replace := func(t *testing.T, _, path string) {
		t.Helper()
		require.NoError(t, os.WriteFile(path+".new", []byte(strings.Repeat("x\n", acked)), 0o600))
		require.NoError(t, os.Rename(path+".new", path))
	}
	// Filebeat may have confirmed the file to the end meanwhile, and the file may be another.
	queued := func(event *beat.Event) *beat.Event {
		event.Private = nil
		return edited(event, "agent.ephemeral_id", "run-3")
	}
	type change func(t *testing.T, data, path string)
	for name, test := range map[string]struct {
		changes []change
		through func(*beat.Event) *beat.Event
		same    bool
	}{
		"forgotten":                       {changes: []change{forget}, same: true},
		"still in the registry":           {},
		"forgotten, behind a disk queue":  {changes: []change{forget}, through: queued},
		"forgotten and shorter":           {changes: []change{forget, shorten}},
		"forgotten, and another file now": {changes: []change{forget, replace}},
		"forgotten and gone":              {changes: []change{forget, func(t *testing.T, _, path string) { t.Helper(); require.NoError(t, os.Remove(path)) }}},
		"a registry that cannot be read": {changes: []change{func(t *testing.T, data, _ string) {
			t.Helper()
			require.NoError(t, os.WriteFile(filepath.Join(data, filepath.FromSlash(registryFolder), "active.dat"), []byte("x"), 0o600))
		}}},
	} {
		t.Run(name, func(t *testing.T) {
			data, path := t.TempDir(), filepath.Join(t.TempDir(), "a.log")
			require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("x\n", acked)), 0o600))
			read := func(m *Maker, offset int64) string {
				event := edited(lineOf(someFile, offset, "x"), "log.file.path", path)
				if test.through != nil {
					event = test.through(event)
				}
				return idOf(t, m, event)
			}
			first := open(t, data, nil).NewMaker()
			ids := []string{read(first, 0), read(first, 10)}
			time.Sleep(20 * time.Millisecond) // longer than a tick of the file system's clock

			source := open(t, data, map[registryEntry]int64{someFile: acked})
			time.Sleep(20 * time.Millisecond)
			for _, change := range test.changes {
				change(t, data, path)
			}
			second := source.NewMaker()
			again := []string{read(second, 0), read(second, 10)}
			if test.same {
				require.Equal(t, ids, again)
			} else {
				distinct(t, append(ids, again...))
			}
			distinct(t, append(again, read(second, 0))) // a second time is no start
		})
	}
}
