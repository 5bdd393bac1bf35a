// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package file

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/receiver"
)

func messageOf(records ...string) *receiver.Message {
	m := &receiver.Message{}
	for _, r := range records {
		m.Records = append(m.Records, []byte(r))
	}
	return m
}

// flaky is a writer whose next write stops after some bytes. It stands in for
// the writing end of a file too.
type flaky struct {
	bytes.Buffer
	stopAfter   int // -1: never
	writes      int
	noTruncate  bool
	os.FileInfo // for Stat
}

var errFull = errors.New("no space left")

func (w *flaky) Write(p []byte) (int, error) {
	w.writes++
	if w.stopAfter < 0 {
		return w.Buffer.Write(p)
	}
	n, _ := w.Buffer.Write(p[:w.stopAfter])
	w.stopAfter = -1
	return n, errFull
}

func (w *flaky) Stat() (os.FileInfo, error) { return w, nil }
func (w *flaky) Sync() error                { return nil }
func (w *flaky) Close() error               { return nil }
func (w *flaky) ReadAt(p []byte, at int64) (int, error) {
	return copy(p, w.Bytes()[at:]), nil
}
func (w *flaky) Size() int64 { return int64(w.Len()) }
func (w *flaky) Truncate(size int64) error {
	if w.noTruncate {
		return errors.New("not permitted")
	}
	w.Buffer.Truncate(int(size))
	return nil
}

func TestASinkWritesAMessageWithOneCall(t *testing.T) {
	w := &flaky{stopAfter: -1}
	s := New(w)
	require.NoError(t, s.Consume(t.Context(), messageOf("{}", `{"a":1}`, `{"b":2}`)))
	require.NoError(t, s.Consume(t.Context(), messageOf()))
	require.Equal(t, 1, w.writes)
	require.Equal(t, "{}\n{\"a\":1}\n{\"b\":2}\n", w.String())
	require.NoError(t, s.Close())
}

func TestALongMessageLeavesNoLongBuffer(t *testing.T) {
	out := &flaky{stopAfter: -1}
	s := New(out)
	require.NoError(t, s.Consume(t.Context(), messageOf("short")))
	require.NotZero(t, cap(s.lines))
	require.NoError(t, s.Consume(t.Context(), messageOf(strings.Repeat("x", keptLines))))
	require.Zero(t, cap(s.lines))
	require.Equal(t, len("short\n")+keptLines+1, out.Len())
	out.stopAfter = 1
	require.Error(t, s.Consume(t.Context(), messageOf(strings.Repeat("x", keptLines))))
	require.Zero(t, cap(s.lines))
}

func TestASinkRecoversFromAPartialWrite(t *testing.T) {
	for name, test := range map[string]struct {
		stopAfter  int
		regular    bool
		noTruncate bool
		after      string // what the output holds after the failure
		end        string // and after the next message
	}{
		"a regular file is cut back to where the message began": {stopAfter: 5, regular: true, after: "{\"a\":1}\n", end: "{\"a\":1}\n{\"c\":3}\n"},
		"a regular file that nothing got into stays":            {stopAfter: 0, regular: true, after: "{\"a\":1}\n", end: "{\"a\":1}\n{\"c\":3}\n"},
		"a file that can't be cut gets a line break":            {stopAfter: 5, regular: true, noTruncate: true, after: "{\"a\":1}\n{\"b\":", end: "{\"a\":1}\n{\"b\":\n{\"c\":3}\n"},
		"a pipe gets a line break before the next message":      {stopAfter: 5, after: "{\"a\":1}\n{\"b\":", end: "{\"a\":1}\n{\"b\":\n{\"c\":3}\n"},
		"a pipe that stopped at a line's end needs none":        {stopAfter: 8, after: "{\"a\":1}\n{\"b\":2}\n", end: "{\"a\":1}\n{\"b\":2}\n{\"c\":3}\n"},
		"a pipe that took nothing needs none":                   {stopAfter: 0, after: "{\"a\":1}\n", end: "{\"a\":1}\n{\"c\":3}\n"},
	} {
		t.Run(name, func(t *testing.T) {
			w := &flaky{stopAfter: -1, noTruncate: test.noTruncate}
			s := New(w)
			if test.regular {
				s.current = &segmentFile{file: w}
			}
			require.NoError(t, s.Consume(t.Context(), messageOf(`{"a":1}`)))
			w.stopAfter = test.stopAfter
			require.ErrorIs(t, s.Consume(t.Context(), messageOf(`{"b":2}`, `{"x":0}`)), errFull)
			require.Equal(t, test.after, w.String())
			require.NoError(t, s.Consume(t.Context(), messageOf(`{"c":3}`)))
			require.Equal(t, test.end, w.String())
		})
	}
	t.Run("a message after half a line that fails too leaves the line break to the next", func(t *testing.T) {
		w := &flaky{stopAfter: 3}
		s := New(w)
		s.current = &segmentFile{file: w}
		s.torn = true
		require.ErrorIs(t, s.Consume(t.Context(), messageOf(`{"b":2}`)), errFull)
		require.NoError(t, s.Consume(t.Context(), messageOf(`{"c":3}`)))
		require.Equal(t, "\n{\"c\":3}\n", w.String())
	})
}

func TestOpen(t *testing.T) {
	openSink := func(t *testing.T, name string) *Sink {
		t.Helper()
		s, err := Open(name)
		require.NoError(t, err)
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	content := func(t *testing.T, name string) string {
		t.Helper()
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		return string(b)
	}
	t.Run("creates the file for its owner only", func(t *testing.T) {
		name := filepath.Join(t.TempDir(), "out.ndjson")
		s := openSink(t, name)
		require.NoError(t, s.Consume(t.Context(), messageOf("{}")))
		require.Equal(t, "{}\n", content(t, name), "before Close")
		info, err := os.Stat(name)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
		require.NoError(t, s.Close())
		require.Error(t, s.Consume(t.Context(), messageOf("{}")))
	})
	for name, test := range map[string]struct{ before, after string }{
		"appends":                               {"old\n", "old\n{}\n"},
		"cuts off half a line that was left":    {"old\nhal", "old\n{}\n"},
		"cuts off half a line that is all":      {"hal", "{}\n"},
		"cuts off zeros of a machine that fell": {"old\n" + strings.Repeat("\x00", 200_000), "old\n{}\n"},
		"begins an empty file":                  {"", "{}\n"},
	} {
		t.Run(name, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "out.ndjson")
			require.NoError(t, os.WriteFile(name, []byte(test.before), 0o600))
			require.NoError(t, openSink(t, name).Consume(t.Context(), messageOf("{}")))
			require.Equal(t, test.after, content(t, name))
		})
	}
	t.Run("goes on in a file that a rotation emptied", func(t *testing.T) {
		name := filepath.Join(t.TempDir(), "out.ndjson")
		s := openSink(t, name)
		require.NoError(t, s.Consume(t.Context(), messageOf(strings.Repeat("x", 100))))
		require.NoError(t, os.Truncate(name, 0))
		// A write that failed after three bytes.
		require.NoError(t, os.WriteFile(name, []byte("abc\n123"), 0o600))
		s.lines = []byte("123456\n")
		require.ErrorIs(t, s.undo(3, errFull), errFull)
		require.Equal(t, "abc\n", content(t, name))
	})
	t.Run("tells of a full device", func(t *testing.T) {
		err := openSink(t, "/dev/full").Consume(t.Context(), messageOf("{}"))
		require.ErrorContains(t, err, "write output: write /dev/full: no space left on device")
	})
	t.Run("tells of a folder", func(t *testing.T) {
		_, err := Open(t.TempDir())
		require.ErrorContains(t, err, "open output")
	})
}
