// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/beats/v7/libbeat/publisher"
	"github.com/elastic/elastic-agent-libs/logp"
	"github.com/elastic/elastic-agent-libs/mapstr"
	"github.com/elastic/elastic-agent-libs/monitoring"
	"github.com/elastic/elastic-agent-libs/paths"
)

// dataIn makes folder the Beat's data path, with an empty registry.
func dataIn(tb testing.TB, folder string) {
	tb.Helper()
	before := paths.Paths
	paths.Paths = &paths.Path{Home: folder, Config: folder, Data: folder, Logs: folder}
	tb.Cleanup(func() { paths.Paths = before })
	require.NoError(tb, os.MkdirAll(filepath.Join(folder, "registry", "filebeat"), 0o700))
}

// identifyingEncoder returns an encoder with the ids that the settings ask for, and
// the count of events without one, nil with event_id: off.
func identifyingEncoder(tb testing.TB, yaml string) (*encoder, *monitoring.Uint) {
	tb.Helper()
	cfg := configFrom(tb, yaml)
	require.NoError(tb, cfg.Merge(configFrom(tb, `hosts: [h]`)))
	c, err := readConfig(cfg)
	require.NoError(tb, err)
	info := beat.Info{Beat: "filebeat", Version: "9.0.0"}
	format, err := c.wireFormat(info)
	require.NoError(tb, err)
	ids := newEventIDSource(c, format, info, monitoring.NewRegistry(), logp.NewLogger("test"))
	e, ok := newEncoderFactory(c, format, ids, nil)().(*encoder)
	require.True(tb, ok)
	if ids == nil {
		return e, nil
	}
	return e, ids.Without
}

// lineOf is an event of filestream, which knows its file by content.
func lineOf(offset int64, message string) *beat.Event {
	event := testEvent(message)
	event.Fields["log"] = mapstr.M{
		"offset": offset,
		"file":   mapstr.M{"path": "/a.log", "device_id": "1", "inode": "2", "fingerprint": strings.Repeat("ab12", 16)},
	}
	return event
}

func TestEveryFormatWithRoomCarriesTheID(t *testing.T) {
	const id = `[A-Za-z0-9_-]{22}`
	for name, test := range map[string]struct {
		yaml string
		want string // a regular expression; empty if the format has no room
	}{
		"json":         {`format: json`, `"@metadata":{[^}]*"_id":"` + id + `"}`},
		"json_lines":   {`format: json_lines`, `"_id":"` + id + `"`},
		"json_array":   {`format: json_array`, `"_id":"` + id + `"`},
		"json_stream":  {`format: json_stream`, `"_id":"` + id + `"`},
		"msgpack":      {`format: msgpack`, `_id[^a-z"]+` + id},
		"forward":      {`format: forward`, `_id[^a-z"]+` + id},
		"gelf":         {`format: gelf`, `_id":"` + id + `"`},
		"ltsv":         {`format: ltsv`, `_metadata._id:` + id},
		"form":         {`format: form`, `metadata._id=` + id},
		"csv":          {`{format: csv, csv.fields: ["@metadata._id", message]}`, `^` + id + `,`},
		"a csv of one": {`{format: csv, csv.fields: [message]}`, ``},
		"raw":          {`format: raw`, ``},
		"log":          {`format: log`, ``},
		"codec.json":   {`codec.json: {}`, `"_id":"` + id + `"`},
		"codec.format": {`codec.format.string: "%{[message]}"`, ``},
		"off":          {`event_id: off`, ``},
		"\"off\"":      {`event_id: "off"`, ``},
	} {
		t.Run(name, func(t *testing.T) {
			dataIn(t, t.TempDir())
			e, without := identifyingEncoder(t, test.yaml)
			r := e.encode(lineOf(7, "hello"))
			require.Empty(t, r.reason, r.err)
			if test.want != "" {
				require.Regexp(t, test.want, string(r.data))
				require.Zero(t, without.Get())
				return
			}
			require.NotRegexp(t, `\b`+id+`\b`, string(r.data))
			if without != nil {
				require.Equal(t, uint64(1), without.Get())
			}
		})
	}
}

// What they read is not looked at: lines behind a truncation could get ids from before it.
func TestAFilebeatThatGivesNoIDsForgetsTheGenerations(t *testing.T) {
	for _, yaml := range []string{`event_id: off`, `format: raw`} {
		t.Run(yaml, func(t *testing.T) {
			data := t.TempDir()
			dataIn(t, data)
			e, _ := identifyingEncoder(t, `format: json`)
			e.encode(lineOf(7, "hello"))
			generations := filepath.Join(data, "event_generations.json")
			require.FileExists(t, generations)
			identifyingEncoder(t, yaml)
			require.NoFileExists(t, generations)
		})
	}
}

func TestTheIDOfAUserStays(t *testing.T) {
	dataIn(t, t.TempDir())
	e, without := identifyingEncoder(t, `format: json`)
	event := lineOf(7, "hello")
	event.Meta = mapstr.M{"_id": "my-own"}
	require.Contains(t, string(e.encode(event).data), `"_id":"my-own"`)
	require.Zero(t, without.Get())
}

func TestAnEventWithoutAPlaceIsCountedAndGoes(t *testing.T) {
	for mode, counted := range map[string]uint64{"auto": 2, "position": 1} {
		t.Run(mode, func(t *testing.T) {
			dataIn(t, t.TempDir())
			e, without := identifyingEncoder(t, fmt.Sprintf("event_id: %s", mode))
			byInode := lineOf(7, "by inode")
			require.NoError(t, byInode.Fields.Delete("log.file.fingerprint"))
			for _, event := range []*beat.Event{lineOf(7, "by content"), byInode, testEvent("from nowhere")} {
				require.Empty(t, e.encode(event).reason)
			}
			require.Equal(t, counted, without.Get())
		})
	}
}

// Inputs share the metadata of their events.
func TestTheMetadataOfAnInputIsNotChanged(t *testing.T) {
	dataIn(t, t.TempDir())
	e, _ := identifyingEncoder(t, `format: json`)
	event := lineOf(7, "hello")
	event.Meta = mapstr.M{"pipeline": "p"}
	entry, _ := e.EncodeEntry(publisher.Event{Content: *event})
	encoded, ok := entry.(publisher.Event)
	require.True(t, ok)
	require.Regexp(t, `"_id":"[^"]{22}"`, string(recordOf(&encoded).data))
	require.Contains(t, string(recordOf(&encoded).data), `"pipeline":"p"`)
	require.Equal(t, mapstr.M{"pipeline": "p"}, event.Meta)
}

func TestAnIDIsNotTakenFromTheEventBefore(t *testing.T) {
	dataIn(t, t.TempDir())
	e, _ := identifyingEncoder(t, `format: json`)
	require.Contains(t, string(e.encode(lineOf(7, "hello")).data), `"_id":`)
	require.NotContains(t, string(e.encode(testEvent("from nowhere")).data), `"_id":`)
}

func TestADeadLetterHasTheID(t *testing.T) {
	dataIn(t, t.TempDir())
	e, _ := identifyingEncoder(t, `{format: json, max_message_bytes: 1KiB, dead_letter.path: dead}`)
	r := e.encode(lineOf(7, strings.Repeat("x", 1024)))
	require.Equal(t, reasonMaxMessageBytes, r.reason)
	require.Regexp(t, `"_id":"[A-Za-z0-9_-]{22}"`, string(r.event))
}

type registryEntry string

func (e registryEntry) Key() string { return string(e) }

// What an id costs is the difference between auto and off.
func BenchmarkEventID(b *testing.B) {
	for _, mode := range []string{"off", "auto", "position"} {
		b.Run(mode, func(b *testing.B) {
			dataIn(b, b.TempDir())
			e, _ := identifyingEncoder(b, "event_id: "+mode)
			event := lineOf(0, strings.Repeat("x", 200))
			event.Private = registryEntry("filestream::system-logs::fingerprint::" + strings.Repeat("ab12", 16))
			event.Fields["input"] = mapstr.M{"type": "filestream"}
			event.Fields["ecs"] = mapstr.M{"version": "8.0.0"}
			event.Fields["host"] = mapstr.M{"name": "web-7.example.com"}
			event.Fields["agent"] = mapstr.M{
				"ephemeral_id": "0d3c6c3b-8b44-4c0a-9b8e-0f4f2c5f5c1a", "id": "5b1bd6a2-6d59-4a53-8f4e-2a9f6a0f0d52",
				"name": "web-7.example.com", "type": "filebeat", "version": "9.0.0",
			}
			log, _ := event.Fields["log"].(mapstr.M)
			if mode == "position" {
				file, _ := log["file"].(mapstr.M)
				delete(file, "fingerprint")
			}
			offset := int64(0)
			b.ReportAllocs()
			for b.Loop() {
				offset += 201
				log["offset"] = offset
				entry, _ := e.EncodeEntry(publisher.Event{Content: *event})
				encoded, _ := entry.(publisher.Event)
				recordOf(&encoded).recycle()
			}
		})
	}
}
