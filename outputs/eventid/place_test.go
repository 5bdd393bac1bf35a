// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package eventid

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/elastic-agent-libs/mapstr"
)

// An inode is given again: its entry stays, the file is another one.
func TestOneMakerTellsFilesOnOneInodeApart(t *testing.T) {
	data := t.TempDir()
	m := open(t, data, nil).NewMaker()
	distinct(t, []string{
		idOf(t, m, lineOf(inode, 10, "x")),
		idOf(t, m, edited(lineOf(inode, 10, "x"), "log.file.fingerprint", "f2")),
	})
	require.Empty(t, keptGenerations(t, data).files, "neither falls back")
}

func TestAnOffsetBelow0IsNoPlace(t *testing.T) {
	_, ok := placeOf(lineOf(someFile, -1, "x"), false)
	require.False(t, ok)
}

// The key of a file's entry says which file it is. Numbers of devices change when a
// machine starts.
func TestTheNumberOfADeviceDoesNotCountBesideAKey(t *testing.T) {
	data := t.TempDir()
	on := func(device string) string {
		source := open(t, data, nil)
		source.byInode = true
		return idOf(t, source.NewMaker(), &beat.Event{
			Private: registryEntry("filestream::logs::path::/a.log"),
			Fields: mapstr.M{"message": "x", "log": mapstr.M{
				"offset": int64(10), "file": mapstr.M{"inode": "2", "device_id": device},
			}},
		})
	}
	require.Equal(t, on("1"), on("9"))
}
