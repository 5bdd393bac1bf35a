// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package eventid

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap/zapcore"

	"github.com/elastic/elastic-agent-libs/logp"
)

// The clock may be behind what it was.
func TestAGenerationOfAllFilesIsAboveEveryOther(t *testing.T) {
	future := uint64(time.Now().Add(1000 * time.Hour).UnixNano())
	id := fileKey{1}
	g := &fileGenerations{base: 1, files: map[fileKey]uint64{id: future}}
	g.begin()
	require.Greater(t, g.of(id), future, "that of a file")
	g = &fileGenerations{base: future, files: map[fileKey]uint64{}}
	g.begin()
	require.Greater(t, g.base, future, "that of all files")
}

func TestAFileThatFallsAgainNeedsNoRoom(t *testing.T) {
	g := &fileGenerations{files: map[fileKey]uint64{}}
	for n := range maxGenerations {
		g.raise(fileKey{byte(n), byte(n >> 8)})
	}
	g.raise(fileKey{1})
	require.Zero(t, g.base, "all files begin a new generation")
	require.EqualValues(t, 2, g.of(fileKey{1}))
}

// Each try costs a sync of the disk, and there would be one for each line.
func TestGenerationsThatCannotBeWrittenAreTriedOnceInAnInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder := filepath.Join(t.TempDir(), "data")
		g := &fileGenerations{path: filepath.Join(folder, generationsName), files: map[fileKey]uint64{}}
		g.begin()
		require.Error(t, g.keep())
		require.NoError(t, os.Mkdir(folder, 0o700))
		time.Sleep(retryInterval - 1)
		require.Error(t, g.keep())
		time.Sleep(time.Nanosecond)
		require.NoError(t, g.keep())
	})
}

// Each line of each file asks for it.
func TestGenerationsThatCannotBeWrittenAreLoggedOnce(t *testing.T) {
	data := t.TempDir()
	log, written := logp.NewInMemory("test", zapcore.EncoderConfig{MessageKey: "message"})
	source := Open(Options{Agent: "agent-1", Data: filepath.Join(data, "missing"), Log: log})
	for n := range 10 {
		_, ok := source.NewMaker().ID(lineOf(registryEntry(fmt.Sprint("filestream::", n)), 0, "x"))
		require.False(t, ok)
	}
	require.Equal(t, 1, strings.Count(written.String(), "cannot be kept"))
}

func TestFallsAreCountedForAWholeInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := open(t, t.TempDir(), nil).NewMaker()
		for range 1 + maxFalls {
			idOf(t, m, lineOf(someFile, 7, "x"))
		}
		time.Sleep(fallsInterval)
		_, ok := m.ID(lineOf(someFile, 7, "x"))
		require.False(t, ok)
		time.Sleep(time.Nanosecond)
		idOf(t, m, lineOf(someFile, 7, "x"))
	})
}

// Behind a disk queue a file is known by its name only, whichever input has read it.
func TestAFileOfSeveralInputsWasReadAsFarAsAnyOfThemHasGot(t *testing.T) {
	data := t.TempDir()
	acked := map[registryEntry]int64{}
	for n := range int64(50) {
		acked[registryEntry(fmt.Sprintf("filestream::%d::fingerprint::f1", n))] = 100 + n
	}
	open(t, data, acked)
	offsets, err := readRegistry(data)
	require.NoError(t, err)
	require.Equal(t, int64(149), offsets["f1"])
}

func TestAChangeThatTheCheckpointHasDoesNotCount(t *testing.T) {
	data := t.TempDir()
	folder := filepath.Join(data, filepath.FromSlash(registryFolder))
	require.NoError(t, os.MkdirAll(folder, 0o700))
	for name, content := range map[string]string{
		"active.dat": "5.json",
		"5.json":     `[{"_key":"filestream::a","cursor":{"offset":10}}]`,
		"log.json":   `{"op":"set","id":5}` + "\n" + `{"k":"filestream::a","v":{"cursor":{"offset":0}}}`,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600))
	}
	offsets, err := readRegistry(data)
	require.NoError(t, err)
	require.Equal(t, int64(10), offsets["filestream::a"])
}
