// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package lag

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	inputfile "github.com/elastic/beats/v7/filebeat/input/file"
	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/elastic-agent-libs/logp"
	"github.com/elastic/elastic-agent-libs/mapstr"
)

// log is a file that a producer reads line by line.
type log struct {
	tb     testing.TB
	path   string
	source *Source
	kind   string // of what the events bring: update as filestream's, state as the log input's, none as from a disk queue
	key    string // of an update
	read   int64
}

// update is what filestream puts into Event.Private.
type update struct {
	resource string
	delta    any
}

type cursor struct{ Offset int64 }

func (u *update) Key() string { return u.resource }

func newLog(tb testing.TB, t *Tracker, path, kind string) *log {
	tb.Helper()
	return &log{tb: tb, path: path, source: t.NewSource(), kind: kind}
}

func (l *log) write(lines int) {
	l.tb.Helper()
	f, err := os.OpenFile(l.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	require.NoError(l.tb, err)
	_, err = f.WriteString(strings.Repeat("0123456789012345678\n", lines))
	require.NoError(l.tb, err)
	require.NoError(l.tb, f.Close())
}

const lineBytes = 20

// next reads lines.
func (l *log) next(lines int) (marks []Mark) {
	l.tb.Helper()
	info, err := os.Stat(l.path)
	require.NoError(l.tb, err)
	for range lines {
		marks = append(marks, l.source.See(l.event(info)))
	}
	return marks
}

func (l *log) event(info os.FileInfo) *beat.Event {
	fields := mapstr.M{"path": l.path}
	if device, inode, ok := inodeOf(info); ok {
		fields["device_id"], fields["inode"] = strconv.FormatUint(device, 10), strconv.FormatUint(inode, 10)
	}
	event := &beat.Event{Fields: mapstr.M{
		"message": "0123456789012345678",
		"log":     mapstr.M{"offset": l.read, "file": fields},
	}}
	l.read += lineBytes
	switch l.kind {
	case "update":
		if key := "filestream::" + fmt.Sprint(fields); key != l.key {
			l.key = key
		}
		event.Private = &update{resource: l.key, delta: cursor{l.read}}
	case "state":
		event.Private = inputfile.State{Id: l.path, Offset: l.read}
	}
	return event
}

func settle(t *Tracker, marks ...Mark) {
	s := t.Begin()
	for i := range marks {
		s.Add(&marks[i])
	}
	s.End()
}

func newTracker() *Tracker { return New(logp.NewLogger("test")) }

func TestBytesBehindAreTheSizeWithoutWhatIsSettled(t *testing.T) {
	for _, kind := range []string{"update", "state", "none"} {
		t.Run(kind, func(t *testing.T) {
			tracker := newTracker()
			a := newLog(t, tracker, filepath.Join(t.TempDir(), "a.log"), kind)
			a.write(10)
			marks := a.next(6)
			behind := func(lines int) {
				t.Helper()
				tracker.look(true)
				summary := tracker.Summary()
				require.Equal(t, int64(lines*lineBytes), summary.Bytes)
				require.Equal(t, summary.Bytes, summary.Largest)
				require.Equal(t, min(lines, 1), summary.Files)
				require.Len(t, summary.Worst, min(lines, 1))
			}
			behind(10)
			settle(tracker, marks[3:5]...) // not the first
			behind(10)
			settle(tracker, marks[:3]...)
			behind(5)
			settle(tracker, marks[5])
			behind(4)
			a.write(1)
			behind(5)
			settle(tracker, a.next(5)...)
			behind(0)
			require.Zero(t, tracker.Summary().Age)
		})
	}
}

func TestAFileThatRestsIsLookedAtMoreRarely(t *testing.T) {
	tracker := newTracker()
	a := newLog(t, tracker, filepath.Join(t.TempDir(), "a.log"), "update")
	a.write(2)
	marks := a.next(2)
	behind := func(all bool) int64 {
		tracker.look(all)
		return tracker.Summary().Bytes / lineBytes
	}
	require.Equal(t, int64(2), behind(false))
	settle(tracker, marks[0])
	require.Equal(t, int64(1), behind(false))
	settle(tracker, marks[1])
	require.Zero(t, behind(false))
	a.write(3)
	require.Zero(t, behind(false), "it rests")
	require.Equal(t, int64(3), behind(true))
	a.write(1)
	require.Equal(t, int64(4), behind(false), "it is behind")
	settle(tracker, a.next(4)...)
	require.Zero(t, behind(false))
	a.write(1)
	marks = a.next(1)
	require.Equal(t, int64(1), behind(false), "it is read")
	settle(tracker, marks...)
	require.Zero(t, behind(false))
}

func TestEventsAreSettledInAnyOrder(t *testing.T) {
	tracker := newTracker()
	a := newLog(t, tracker, filepath.Join(t.TempDir(), "a.log"), "update")
	a.write(500)
	marks := a.next(500)
	settled := make([]bool, len(marks))
	for _, i := range rand.Perm(len(marks)) {
		settle(tracker, marks[i])
		settled[i] = true
		first := 0
		for first < len(settled) && settled[first] {
			first++
		}
		require.Equal(t, uint64(first), marks[0].stream.next)
		require.Equal(t, int64(first*lineBytes), marks[0].stream.place)
	}
	require.Empty(t, marks[0].stream.ahead)
}

func TestTheAgeIsThatOfTheOldestEventThatIsNotSettled(t *testing.T) {
	tracker := newTracker()
	dir := t.TempDir()
	a, b := newLog(t, tracker, filepath.Join(dir, "a.log"), "update"), newLog(t, tracker, filepath.Join(dir, "b.log"), "update")
	a.write(3)
	b.write(1)
	first := a.next(1)
	tracker.tick.Add(1)
	second := a.next(1)
	tracker.tick.Add(1)
	others := b.next(1)
	now := time.Now()
	for i, m := range []Mark{first[0], second[0], others[0]} {
		m.stream.notes[m.seq].time = now.Add(time.Duration(i-3) * time.Minute)
	}
	age := func() time.Duration { return tracker.Summary().Age.Round(time.Second) }
	require.Equal(t, 3*time.Minute, age())
	settle(tracker, second...)
	require.Equal(t, 3*time.Minute, age())
	settle(tracker, first...)
	require.Equal(t, time.Minute, age())
	settle(tracker, others...)
	require.Zero(t, age())
	require.Zero(t, age())
	require.Empty(t, tracker.streams)
	a.next(1)
	require.Less(t, tracker.Summary().Age, time.Minute)
	require.Positive(t, tracker.Summary().Age)
}

func TestEventsWithoutAFileHaveAnAgeOnly(t *testing.T) {
	tracker := newTracker()
	source := tracker.NewSource()
	mark := source.See(&beat.Event{Fields: mapstr.M{"message": "hello"}})
	tracker.look(true)
	require.Positive(t, tracker.Summary().Age)
	require.Zero(t, tracker.Summary().Files)
	settle(tracker, mark)
	require.Zero(t, tracker.Summary().Age)
}

func TestAnEventThatDidNotGetIntoTheQueueIsForgotten(t *testing.T) {
	tracker := newTracker()
	a := newLog(t, tracker, filepath.Join(t.TempDir(), "a.log"), "update")
	a.write(3)
	marks := a.next(1)
	a.next(1)
	a.source.Forget()
	settle(tracker, marks...)
	require.Zero(t, tracker.Summary().Age)
	a.read = lineBytes
	settle(tracker, a.next(2)...)
	tracker.look(true)
	require.Zero(t, tracker.Summary().Bytes)
}

func TestAFileThatIsTruncatedIsBehindByItsNewContent(t *testing.T) {
	for _, kind := range []string{"update", "state"} {
		t.Run(kind, func(t *testing.T) {
			tracker := newTracker()
			a := newLog(t, tracker, filepath.Join(t.TempDir(), "a.log"), kind)
			a.write(10)
			old := a.next(10)
			settle(tracker, old[:5]...)
			tracker.look(true)
			require.Equal(t, int64(5*lineBytes), tracker.Summary().Bytes)
			require.NoError(t, os.Truncate(a.path, 0))
			a.write(7)
			tracker.look(true)
			require.Equal(t, int64(7*lineBytes), tracker.Summary().Bytes)
			settle(tracker, old[5:]...) // of the old content
			tracker.look(true)
			require.Equal(t, int64(7*lineBytes), tracker.Summary().Bytes)
			if kind == "update" {
				a.source = tracker.NewSource()
			}
			a.read = 0
			settle(tracker, a.next(3)...)
			tracker.look(true)
			require.Equal(t, int64(4*lineBytes), tracker.Summary().Bytes)
			settle(tracker, a.next(4)...)
			tracker.look(true)
			require.Zero(t, tracker.Summary().Bytes)
		})
	}
}

func TestARotatedFileIsLookedAtAsLongAsItIsOpen(t *testing.T) {
	tracker := newTracker()
	dir := t.TempDir()
	a := newLog(t, tracker, filepath.Join(dir, "a.log"), "update")
	a.write(10)
	held, err := os.Open(a.path)
	require.NoError(t, err)
	defer func() { _ = held.Close() }()
	settle(tracker, a.next(4)...)
	require.NoError(t, os.Rename(a.path, filepath.Join(dir, "b.log")))
	fresh := newLog(t, tracker, a.path, "update")
	fresh.write(3)
	tracker.look(true)
	require.Equal(t, Summary{Bytes: 9 * lineBytes, Largest: 6 * lineBytes, Files: 2, Worst: tracker.Summary().Worst}, tracker.Summary())
	fresh.next(1)
	tracker.look(true)
	require.Equal(t, int64(9*lineBytes), tracker.Summary().Bytes)
	require.Equal(t, 2, tracker.Summary().Files)
	require.NoError(t, os.Remove(filepath.Join(dir, "b.log")))
	tracker.look(true)
	require.Equal(t, 2, tracker.Summary().Files)
	require.NoError(t, held.Close())
	tracker.look(true)
	require.Equal(t, int64(3*lineBytes), tracker.Summary().Bytes)
	require.Len(t, tracker.files, 1)
}

func TestTheRestOfAFileThatMakesNoEventsIsNotBehindForLong(t *testing.T) {
	tracker := newTracker()
	a := newLog(t, tracker, filepath.Join(t.TempDir(), "a.log"), "update")
	a.write(10)
	held, err := os.Open(a.path)
	require.NoError(t, err)
	defer func() { _ = held.Close() }()
	settle(tracker, a.next(4)...)
	for range 5 {
		tracker.look(true)
		require.Equal(t, int64(6*lineBytes), tracker.Summary().Bytes, "not read yet")
	}
	_, err = held.Seek(0, io.SeekEnd)
	require.NoError(t, err)
	for range stillLooks + 2 {
		tracker.look(true)
	}
	require.Zero(t, tracker.Summary().Bytes)
	a.write(1)
	tracker.look(true)
	require.Equal(t, int64(lineBytes), tracker.Summary().Bytes)
}

func TestAnotherHarvesterOfTheFileGoesOn(t *testing.T) {
	tracker := newTracker()
	a := newLog(t, tracker, filepath.Join(t.TempDir(), "a.log"), "update")
	a.write(10)
	first := a.next(4)
	a.source = tracker.NewSource()
	second := a.next(6)
	tracker.look(true)
	require.Equal(t, int64(10*lineBytes), tracker.Summary().Bytes)
	settle(tracker, second...)
	tracker.look(true)
	require.Equal(t, int64(10*lineBytes), tracker.Summary().Bytes)
	settle(tracker, first...)
	tracker.look(true)
	require.Zero(t, tracker.Summary().Bytes)
}

func TestTheNumberOfFilesIsBounded(t *testing.T) {
	tracker := newTracker()
	for i := range maxFiles + 10 {
		source := tracker.NewSource()
		mark := source.See(&beat.Event{Fields: mapstr.M{"log": mapstr.M{
			"offset": int64(0), "file": mapstr.M{"path": "/does/not/exist", "device_id": "1", "inode": strconv.Itoa(i)},
		}}})
		if i%2 == 0 {
			settle(tracker, mark)
		}
	}
	require.Len(t, tracker.files, maxFiles)
	tracker.look(true)
	require.Len(t, tracker.files, maxFiles/2, "those with events that are not settled")
	require.Empty(t, tracker.Summary().Worst)
}
