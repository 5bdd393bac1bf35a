// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package eventid

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/elastic-agent-libs/logp"
	"github.com/elastic/elastic-agent-libs/mapstr"
)

// registryEntry stands for what filestream puts into Event.Private.
type registryEntry string

func (e registryEntry) Key() string { return string(e) }

const (
	someFile = registryEntry("filestream::logs::fingerprint::f1")
	inode    = registryEntry("filestream::logs::native::1-2")
)

// lineOf returns an event of filestream for a line of a file known by its content.
func lineOf(entry registryEntry, offset int64, text string) *beat.Event {
	return &beat.Event{
		Private: entry,
		Fields: mapstr.M{
			"message": text,
			"log": mapstr.M{
				"offset": offset,
				"file":   mapstr.M{"path": "/a.log", "device_id": "1", "inode": "2", "fingerprint": "f1"},
			},
		},
	}
}

// edited returns the event after a change of its fields.
func edited(event *beat.Event, key string, value any) *beat.Event {
	if value == nil {
		_ = event.Fields.Delete(key)
	} else {
		_, _ = event.Fields.Put(key, value)
	}
	return event
}

// unread is in place of the offset of a file that Filebeat knows and has confirmed nothing of.
const unread = -1

// open starts a Filebeat whose registry has these offsets.
func open(t *testing.T, data string, acked map[registryEntry]int64) *Source {
	t.Helper()
	var log strings.Builder
	number := 0
	for entry, offset := range acked {
		number++
		cursor := "null"
		if offset != unread {
			cursor = fmt.Sprintf(`{"offset":%d}`, offset)
		}
		fmt.Fprintf(&log, "{\"op\":\"set\",\"id\":%d}\n{\"k\":%q,\"v\":{\"cursor\":%s}}\n", number, string(entry), cursor)
	}
	folder := filepath.Join(data, filepath.FromSlash(registryFolder))
	require.NoError(t, os.MkdirAll(folder, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "log.json"), []byte(log.String()), 0o600))
	return Open(Options{Agent: "agent-1", Run: "run-3", Data: data, Log: logp.NewLogger("test")})
}

// idOf returns the id of an event, which has one.
func idOf(t *testing.T, m *Maker, event *beat.Event) string {
	t.Helper()
	id, ok := m.ID(event)
	require.True(t, ok)
	require.Regexp(t, `^[A-Za-z0-9_-]{22}$`, id)
	return id
}

func TestWhatFilebeatTellsApartHasAnIDOfItsOwn(t *testing.T) {
	for name, event := range map[string]*beat.Event{
		"another place":                  lineOf(someFile, 11, "x"),
		"another line":                   lineOf(someFile, 10, "y"),
		"no line":                        edited(lineOf(someFile, 10, "x"), "message", nil),
		"another input":                  lineOf("filestream::more::fingerprint::f1", 10, "x"),
		"another file":                   edited(lineOf("filestream::logs::fingerprint::f2", 10, "x"), "log.file.fingerprint", "f2"),
		"another file on the same inode": edited(lineOf(inode, 10, "x"), "log.file.fingerprint", "f2"),
		"through a disk queue":           {Fields: lineOf(someFile, 10, "x").Fields},
	} {
		t.Run(name, func(t *testing.T) {
			source := open(t, t.TempDir(), nil)
			first := idOf(t, source.NewMaker(), lineOf(someFile, 10, "x"))
			require.NotEqual(t, first, idOf(t, source.NewMaker(), event))
		})
	}
	t.Run("another agent", func(t *testing.T) {
		data := t.TempDir()
		source, other := open(t, data, nil), open(t, data, nil)
		other.agent = "agent-2"
		require.NotEqual(t, idOf(t, source.NewMaker(), lineOf(someFile, 10, "x")), idOf(t, other.NewMaker(), lineOf(someFile, 10, "x")))
	})
}

func TestOneMakerTellsFilesApart(t *testing.T) {
	data := t.TempDir()
	m := open(t, data, nil).NewMaker()
	distinct(t, []string{
		idOf(t, m, lineOf(someFile, 10, "x")),
		idOf(t, m, lineOf("filestream::more::fingerprint::f1", 10, "x")),
		idOf(t, m, edited(lineOf(someFile, 10, "x"), "log.file.fingerprint", "f2")),
	})
	require.Empty(t, keptGenerations(t, data).files, "none falls back")
}

// Each half of an id tells equal lines apart: their 128 bits are not 64.
func TestTheHalvesOfIDsDiffer(t *testing.T) {
	m := open(t, t.TempDir(), nil).NewMaker()
	var first, second []string
	for offset := range int64(100) {
		id, err := base64.RawURLEncoding.DecodeString(idOf(t, m, lineOf(someFile, offset, "x")))
		require.NoError(t, err)
		first, second = append(first, string(id[:8])), append(second, string(id[8:]))
	}
	distinct(t, first)
	distinct(t, second)
}

func TestGenerationsAreWrittenOnlyWhenTheyChange(t *testing.T) {
	data := t.TempDir()
	m := open(t, data, nil).NewMaker()
	idOf(t, m, lineOf(someFile, 10, "x"))
	require.NoError(t, Forget(data))
	idOf(t, m, lineOf(inode, 10, "x"))
	require.NoFileExists(t, filepath.Join(data, generationsName))
	idOf(t, m, lineOf(inode, 10, "x")) // falls back
	require.FileExists(t, filepath.Join(data, generationsName))
}

func TestALineThatIsReadAgainAfterAStartHasItsID(t *testing.T) {
	for name, event := range map[string]func() *beat.Event{
		"usual":                    func() *beat.Event { return lineOf(someFile, 10, "x") },
		"renamed":                  func() *beat.Event { return edited(lineOf(someFile, 10, "x"), "log.file.path", "/a.log.1") },
		"moved to another disk":    func() *beat.Event { return edited(lineOf(someFile, 10, "x"), "log.file.inode", "7") },
		"other fields":             func() *beat.Event { return edited(lineOf(someFile, 10, "x"), "host.name", "renamed") },
		"bytes":                    func() *beat.Event { return edited(lineOf(someFile, 10, "x"), "message", []byte("x")) },
		"a number of a disk queue": func() *beat.Event { return edited(lineOf(someFile, 10, "x"), "log.offset", uint8(10)) },
	} {
		t.Run(name, func(t *testing.T) {
			data := t.TempDir()
			id := idOf(t, open(t, data, nil).NewMaker(), lineOf(someFile, 10, "x"))
			for range 3 {
				require.Equal(t, id, idOf(t, open(t, data, nil).NewMaker(), event()))
			}
			require.Equal(t, id, idOf(t, open(t, data, map[registryEntry]int64{someFile: 10}).NewMaker(), event()))
		})
	}
}

func TestAPlaceThatFallsBackBeginsAGeneration(t *testing.T) {
	data := t.TempDir()
	source := open(t, data, nil)
	m := source.NewMaker()
	var ids []string
	read := func(m *Maker, offset int64) string { return idOf(t, m, lineOf(someFile, offset, "x")) }
	ids = append(ids, read(m, 0), read(m, 10))
	ids = append(ids, read(m, 0), read(m, 10)) // truncated
	// The harvester that begins after a truncation is another producer.
	m = source.NewMaker()
	ids = append(ids, read(m, 10), read(m, 20)) // the same place twice in one run
	distinct(t, ids)

	// After a start the file is read again in its generation, which nothing else has.
	m = open(t, data, nil).NewMaker()
	again := []string{read(m, 10), read(m, 20)}
	require.Equal(t, ids[4:], again)
	require.Equal(t, "event_generations.json", generationsName)
	kept := keptGenerations(t, data)
	require.Len(t, kept.files, 1, "only the file that fell back is kept")
	for _, generation := range kept.files {
		require.Equal(t, kept.base+2, generation, "the place fell back twice")
	}
}

func TestATruncationWhileFilebeatDidNotRunIsSeenInTheRegistry(t *testing.T) {
	data := t.TempDir()
	first := idOf(t, open(t, data, nil).NewMaker(), lineOf(someFile, 0, "x"))
	second := idOf(t, open(t, data, map[registryEntry]int64{someFile: 10}).NewMaker(), lineOf(someFile, 0, "x"))
	require.NotEqual(t, first, second)
	// Killed before the registry knew: nobody can tell this from another truncation.
	third := idOf(t, open(t, data, map[registryEntry]int64{someFile: 10}).NewMaker(), lineOf(someFile, 0, "x"))
	distinct(t, []string{first, second, third})
}

// Filebeat writes the offset 0 when it finds a file truncated. Then it may wait for long
// until it reads the first line: for a server that is away, and its queue is full.
func TestATruncationThatFilebeatFoundBeforeItWasKilledBeginsAGeneration(t *testing.T) {
	data := t.TempDir()
	m := open(t, data, nil).NewMaker()
	first := []string{idOf(t, m, lineOf(someFile, 0, "x")), idOf(t, m, lineOf(someFile, 10, "x"))}
	for name, offsets := range map[string][]int64{"from its beginning": {0, 10}, "the first line is dropped": {10}} {
		t.Run(name, func(t *testing.T) {
			m := open(t, data, map[registryEntry]int64{someFile: 0}).NewMaker()
			for _, offset := range offsets {
				require.NotContains(t, first, idOf(t, m, lineOf(someFile, offset, "x")))
			}
		})
	}
	t.Run("a disk queue has lines from before", func(t *testing.T) {
		m := open(t, data, map[registryEntry]int64{someFile: 0}).NewMaker()
		ids := []string{idOf(t, m, fromDiskQueue("run-2", 0)), idOf(t, m, fromDiskQueue("run-2", 10))}
		distinct(t, append(ids, idOf(t, m, fromDiskQueue("run-3", 10))))
	})
	t.Run("a file that is new to Filebeat has no offset", func(t *testing.T) {
		data := t.TempDir()
		id := idOf(t, open(t, data, nil).NewMaker(), lineOf(someFile, 0, "x"))
		require.Equal(t, id, idOf(t, open(t, data, map[registryEntry]int64{someFile: unread}).NewMaker(), lineOf(someFile, 0, "x")))
	})
}

// fromDiskQueue is an event that a disk queue had kept.
func fromDiskQueue(run string, offset int64) *beat.Event {
	event := &beat.Event{Fields: lineOf(someFile, offset, "x").Fields}
	return edited(event, "agent.ephemeral_id", run)
}

func TestADiskQueueHasLinesOfEarlierRuns(t *testing.T) {
	read := func(t *testing.T, data string, acked int64, events ...*beat.Event) (ids []string) {
		m := open(t, data, map[registryEntry]int64{someFile: acked}).NewMaker()
		for _, event := range events {
			ids = append(ids, idOf(t, m, event))
		}
		return ids
	}
	t.Run("this run has read some again", func(t *testing.T) {
		ids := read(t, t.TempDir(), 10,
			fromDiskQueue("run-2", 0), fromDiskQueue("run-2", 10), fromDiskQueue("run-2", 20),
			fromDiskQueue("run-3", 10), fromDiskQueue("run-3", 20))
		require.Equal(t, ids[1:3], ids[3:])
	})
	t.Run("this run has found it truncated", func(t *testing.T) {
		distinct(t, read(t, t.TempDir(), 10,
			fromDiskQueue("run-2", 0), fromDiskQueue("run-2", 10), fromDiskQueue("run-2", 20),
			fromDiskQueue("run-3", 0), fromDiskQueue("run-3", 10)))
	})
	t.Run("it was truncated in this run", func(t *testing.T) {
		distinct(t, read(t, t.TempDir(), 10, fromDiskQueue("run-3", 10), fromDiskQueue("run-3", 20), fromDiskQueue("run-3", 10)))
	})
	t.Run("an earlier run has read some again, or found it truncated", func(t *testing.T) {
		distinct(t, read(t, t.TempDir(), 10, fromDiskQueue("run-1", 10), fromDiskQueue("run-2", 10)))
	})
}

func TestTwoInputsThatReadOneFileDoNotDisturbEachOther(t *testing.T) {
	data := t.TempDir()
	read := func() (ids []string) {
		source := open(t, data, nil)
		a, b := source.NewMaker(), source.NewMaker()
		for offset := range int64(100) {
			ids = append(ids,
				idOf(t, a, lineOf("filestream::a::fingerprint::f1", 50+offset, "x")),
				idOf(t, b, lineOf("filestream::b::fingerprint::f1", offset, "x")),
			)
		}
		return ids
	}
	first := read()
	distinct(t, first)
	require.Equal(t, first, read())
	require.Empty(t, keptGenerations(t, data).files, "neither falls back")
}

func TestPlacesThatAreNotWhatTheySeemGetNoIDsInsteadOfAWriteForEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		data := t.TempDir()
		m := open(t, data, nil).NewMaker()
		var ids []string
		for range 1000 {
			if id, ok := m.ID(lineOf(someFile, 7, "x")); ok {
				ids = append(ids, id)
			}
		}
		distinct(t, ids)
		require.Len(t, ids, 1+maxFalls)
		// Not even with a place that was never reached: its line may be of any generation.
		_, ok := m.ID(lineOf(someFile, 8, "x"))
		require.False(t, ok)
		time.Sleep(fallsInterval + 1)
		ids = append(ids, idOf(t, m, lineOf(someFile, 9, "x")))
		distinct(t, ids)
	})
}

func TestAGenerationThatCannotBeKeptGivesNoIDs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		data := t.TempDir()
		m := open(t, data, nil).NewMaker()
		ids := []string{idOf(t, m, lineOf(someFile, 0, "x")), idOf(t, m, lineOf(someFile, 10, "x"))}
		inTheWay := filepath.Join(data, generationsName+".new")
		require.NoError(t, os.Mkdir(inTheWay, 0o700))
		for _, offset := range []int64{0, 10, 20} {
			_, ok := m.ID(lineOf(someFile, offset, "x"))
			require.False(t, ok)
		}
		require.NoError(t, os.Remove(inTheWay))
		time.Sleep(retryInterval)
		ids = append(ids, idOf(t, m, lineOf(someFile, 30, "x")))
		distinct(t, ids)
		require.Equal(t, ids[2], idOf(t, open(t, data, nil).NewMaker(), lineOf(someFile, 30, "x")))
	})
}

func TestWhatCannotBeReadBeginsAGenerationOfAllFiles(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, data string){
		"no registry": func(t *testing.T, data string) {
			require.NoError(t, os.RemoveAll(filepath.Join(data, "registry")))
		},
		"a registry that is not JSON": func(t *testing.T, data string) {
			require.NoError(t, os.WriteFile(filepath.Join(data, registryFolder, "log.json"), []byte("?"), 0o600))
		},
		"no checkpoint": func(t *testing.T, data string) {
			require.NoError(t, os.WriteFile(filepath.Join(data, registryFolder, "active.dat"), []byte("/x/7.json"), 0o600))
		},
		"no generations": func(t *testing.T, data string) {
			require.NoError(t, Forget(data))
			require.NoError(t, Forget(data), "nothing is there")
		},
		"generations that are not JSON": func(t *testing.T, data string) {
			require.NoError(t, os.WriteFile(filepath.Join(data, generationsName), []byte("{"), 0o600))
		},
		"a generation of no file": func(t *testing.T, data string) {
			require.NoError(t, os.WriteFile(filepath.Join(data, generationsName), []byte(`{"files":{"ab":1}}`), 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			data := t.TempDir()
			first := idOf(t, open(t, data, nil).NewMaker(), lineOf(someFile, 10, "x"))
			damage(t, data)
			second := idOf(t, Open(Options{Agent: "agent-1", Data: data, Log: logp.NewLogger("test")}).NewMaker(), lineOf(someFile, 10, "x"))
			require.NotEqual(t, first, second)
			require.NoError(t, os.RemoveAll(filepath.Join(data, "registry")))
			require.Equal(t, second, idOf(t, open(t, data, nil).NewMaker(), lineOf(someFile, 10, "x")), "the generation is kept")
		})
	}
}

func TestTooManyFilesBeginAGenerationOfAllFiles(t *testing.T) {
	data := t.TempDir()
	source := open(t, data, nil)
	source.maxFiles = 10
	m := source.NewMaker()
	first := idOf(t, m, lineOf(someFile, 10, "x"))
	for i := range source.maxFiles {
		idOf(t, m, lineOf(registryEntry(fmt.Sprintf("filestream::logs::fingerprint::%d", i)), 0, "x"))
	}
	require.LessOrEqual(t, len(source.files), source.maxFiles)
	second := idOf(t, m, lineOf(someFile, 10, "x"))
	require.NotEqual(t, first, second)
	require.Equal(t, second, idOf(t, open(t, data, nil).NewMaker(), lineOf(someFile, 10, "x")))
}

func TestTooManyTruncatedFilesBeginAGenerationOfAllFiles(t *testing.T) {
	g := &fileGenerations{files: map[fileKey]uint64{}}
	var id fileKey
	for i := range maxGenerations {
		id[0], id[1] = byte(i), byte(i>>8)
		g.raise(id)
	}
	require.Len(t, g.files, maxGenerations)
	before := g.of(id)
	generation := g.raise(fileKey{15: 1})
	require.Len(t, g.files, 1)
	require.Greater(t, generation, g.of(id))
	require.Greater(t, g.of(id), before)
}

func TestEventsWithoutAPlaceHaveNoID(t *testing.T) {
	for name, test := range map[string]struct {
		event *beat.Event
		inode bool // whether it has one with ByInode
	}{
		"no fields":                      {event: &beat.Event{}},
		"no offset":                      {event: edited(lineOf(someFile, 1, "x"), "log.offset", nil)},
		"an offset that is text":         {event: edited(lineOf(someFile, 1, "x"), "log.offset", "1")},
		"an offset between two bytes":    {event: edited(lineOf(someFile, 1, "x"), "log.offset", 1.5)},
		"an offset below 0":              {event: edited(lineOf(someFile, 1, "x"), "log.offset", -1)},
		"log is text":                    {event: edited(lineOf(someFile, 1, "x"), "log", "x")},
		"no file":                        {event: &beat.Event{Fields: mapstr.M{"log": mapstr.M{"offset": int64(1)}}}},
		"by inode":                       {event: edited(lineOf(inode, 1, "x"), "log.file.fingerprint", nil), inode: true},
		"by inode, from a disk queue":    {event: &beat.Event{Fields: edited(lineOf(inode, 1, "x"), "log.file.fingerprint", nil).Fields}, inode: true},
		"a fingerprint that is a number": {event: edited(lineOf(inode, 1, "x"), "log.file.fingerprint", 1), inode: true},
		"by index, on Windows": {event: &beat.Event{Fields: mapstr.M{"log": map[string]any{
			"offset": 1, "file": map[string]any{"vol": "1", "idxhi": "2", "idxlo": "3"},
		}}}, inode: true},
		"of an input that reads no files": {event: edited(lineOf(registryEntry("objects::bucket"), 1, "x"), "log.file", mapstr.M{"path": "a/b"})},
		"only an inode, from a disk queue": {event: &beat.Event{Fields: mapstr.M{"log": mapstr.M{
			"offset": int64(1), "file": mapstr.M{"inode": "1"},
		}}}},
	} {
		t.Run(name, func(t *testing.T) {
			source := open(t, t.TempDir(), nil)
			_, ok := source.NewMaker().ID(test.event)
			require.False(t, ok)
			source.byInode = true
			_, ok = source.NewMaker().ID(test.event)
			require.Equal(t, test.inode, ok)
		})
	}
}

func TestRegistryIsACheckpointAndTheChangesSince(t *testing.T) {
	data := t.TempDir()
	folder := filepath.Join(data, filepath.FromSlash(registryFolder))
	require.NoError(t, os.MkdirAll(folder, 0o700))
	write := func(name, content string) {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600))
	}
	write("active.dat", "/elsewhere/registry/filebeat/5.json\n")
	write("5.json", `[{"_key":"filestream::a","cursor":{"offset":10},"ttl":1},{"_key":"filestream::b","cursor":{"offset":20}},
		{"_key":"filestream::c","cursor":null},{"_key":"filebeat::logs::d","cursor":{"offset":7}}]`)
	write("log.json", `{"op":"set","id":5}
{"k":"filestream::a","v":{"cursor":{"offset":1}}}
{"op":"set","id":6}
{"k":"filestream::a","v":{"cursor":{"offset":1.608e+06}}}
{"op":"set","id":7}
{"k":"httpjson::x","v":{"cursor":{"offset":"text"}}}
{"op":"remove","id":8}
{"k":"filestream::b"}
{"op":"set","id":9}
{"k":"filestream::e","v":{"curs`)
	offsets, err := readRegistry(data)
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"filestream::a": 1_608_000, "a": 1_608_000}, offsets)
}

func TestMakersOfOneFileAreSafeTogether(t *testing.T) {
	source := open(t, t.TempDir(), nil)
	found := make(chan []string, 4)
	var group sync.WaitGroup
	for range cap(found) {
		group.Go(func() {
			m := source.NewMaker()
			var ids []string
			for offset := range int64(5) {
				if id, ok := m.ID(lineOf(someFile, offset, "x")); ok {
					ids = append(ids, id)
				}
			}
			found <- ids
		})
	}
	group.Wait()
	close(found)
	var all []string
	for ids := range found {
		all = append(all, ids...)
	}
	distinct(t, all)
}

// distinct requires that no id is there twice.
func distinct(t *testing.T, ids []string) {
	t.Helper()
	seen := map[string]bool{}
	for _, id := range ids {
		require.False(t, seen[id], "an id is given twice")
		seen[id] = true
	}
}

// keptGenerations returns what is on disk.
func keptGenerations(t *testing.T, data string) *fileGenerations {
	t.Helper()
	kept, err := readGenerations(data)
	require.NoError(t, err)
	return kept
}

// Filebeat is upgraded between two readings of a line.
func TestIDsStayTheSameInLaterVersions(t *testing.T) {
	data := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(data, generationsName), []byte(`{"base":7,"files":{}}`), 0o600))
	m := open(t, data, map[registryEntry]int64{}).NewMaker()
	require.Equal(t, []string{"66axtDrJgT9-xxfw2D7B1g", "aL7PurhWwAo2-rzj8VAe3g"}, []string{
		idOf(t, m, lineOf(someFile, 10, "x")),
		idOf(t, m, lineOf(someFile, 300, strings.Repeat("long ", 60))),
	})
}

func TestWriteAllocatesNothing(t *testing.T) {
	m := open(t, t.TempDir(), nil).NewMaker()
	event := lineOf(someFile, 0, strings.Repeat("x", 300))
	log, _ := event.Fields["log"].(mapstr.M)
	offset, given := int64(0), true
	var id [Length]byte
	require.Zero(t, testing.AllocsPerRun(200, func() {
		offset++ // below 256, which Go puts into an interface without allocating
		log["offset"] = offset
		given = m.Write(&id, event) && given
	}))
	require.True(t, given)
}

func BenchmarkID(b *testing.B) {
	data := b.TempDir()
	require.NoError(b, os.MkdirAll(filepath.Join(data, filepath.FromSlash(registryFolder)), 0o700))
	m := Open(Options{Agent: "agent-1", Data: data, Log: logp.NewLogger("test")}).NewMaker()
	event := lineOf(someFile, 0, strings.Repeat("x", 200))
	log, _ := event.Fields["log"].(mapstr.M)
	offset := int64(0)
	var id [Length]byte
	b.ReportAllocs()
	for b.Loop() {
		offset += 201
		log["offset"] = offset // allocates the 8 bytes
		if !m.Write(&id, event) {
			b.Fatal("no id")
		}
	}
}
