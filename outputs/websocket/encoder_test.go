// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/beats/v7/libbeat/publisher"
	"github.com/elastic/elastic-agent-libs/mapstr"

	"filebeat-websocket/outputs/codec"
	"filebeat-websocket/outputs/sharedfields"
	"filebeat-websocket/outputs/websocket/framing"
)

func testEvent(message string) *beat.Event {
	return &beat.Event{
		Timestamp: time.Date(2021, 2, 5, 22, 17, 9, 123456789, time.UTC),
		Fields:    mapstr.M{"message": message},
	}
}

func testEncoder(t *testing.T, yaml string) *encoder {
	t.Helper()
	cfg := configFrom(t, yaml)
	require.NoError(t, cfg.Merge(configFrom(t, `hosts: [h]`)))
	c, err := readConfig(cfg)
	require.NoError(t, err)
	format, err := c.wireFormat(beat.Info{Beat: "filebeat", Version: "9.0.0"})
	require.NoError(t, err)
	e, ok := newEncoderFactory(c, format, nil, nil)().(*encoder)
	require.True(t, ok)
	return e
}

func TestEncodeEntryReplacesTheContentByItsRecord(t *testing.T) {
	entry, bytes := testEncoder(t, `format: raw`).EncodeEntry(publisher.Event{
		Content: *testEvent("hello"),
		Flags:   publisher.GuaranteedSend,
	})
	event, ok := entry.(publisher.Event)
	require.True(t, ok)
	require.Empty(t, event.Content.Fields)
	require.True(t, event.Guaranteed())
	require.Equal(t, len("hello"), bytes)
	require.Equal(t, "hello", string(recordOf(&event).data))
}

func TestEncodeGivesTheReasonOfADrop(t *testing.T) {
	for name, test := range map[string]struct {
		yaml   string
		event  *beat.Event
		reason string
	}{
		"a line of max_len bytes goes":            {`{format: raw, max_len: 5}`, testEvent("12345"), ""},
		"a longer line is dropped":                {`{format: raw, max_len: 5}`, testEvent("123456"), "max_len"},
		"bytes count, not characters":             {`{format: raw, max_len: 5}`, testEvent("äää"), "max_len"},
		"max_len looks at the line, not the JSON": {`{format: json, max_len: 5}`, testEvent("12345"), ""},
		"no message in raw":                       {`format: raw`, &beat.Event{Fields: mapstr.M{}}, "no_message"},
		"no message in log":                       {`format: log`, &beat.Event{Fields: mapstr.M{"a": 1}}, "no_message"},
		"a record as long as a message goes":      {`{format: raw, max_message_bytes: 1KiB}`, testEvent(strings.Repeat("x", 1024)), ""},
		"a longer one can't":                      {`{format: raw, max_message_bytes: 1KiB}`, testEvent(strings.Repeat("x", 1025)), "max_message_bytes"},
		"the newline of a framing counts":         {`{format: raw, framing: lines, max_message_bytes: 1KiB}`, testEvent(strings.Repeat("x", 1024)), "max_message_bytes"},
		"the codec's format lacks a field":        {`codec.format.string: "%{[gone]}"`, testEvent("x"), "encode"},
	} {
		t.Run(name, func(t *testing.T) {
			r := testEncoder(t, test.yaml).encode(test.event)
			require.Equal(t, test.reason, r.reason)
			if test.reason != "" {
				require.Empty(t, r.data)
				require.Error(t, r.err)
			}
		})
	}
}

func TestTextRecordsAreValidUTF8(t *testing.T) {
	r := testEncoder(t, `format: raw`).encode(testEvent("a\xffb"))
	require.Equal(t, "a\uFFFDb", string(r.data))
}

// recordsOf returns records of those lengths.
func recordsOf(sizes ...int) (all []*record) {
	for i, size := range sizes {
		all = append(all, &record{data: []byte(strings.Repeat(string(rune('a'+i%26)), size))})
	}
	return all
}

func withRun(run int, records ...*record) []*record {
	for _, r := range records {
		r.run = run
	}
	return records
}

func TestCutKeepsOrderAndLimits(t *testing.T) {
	for _, test := range []struct {
		framing  string
		maxBytes int
		records  []*record
		want     []span
	}{
		{"message", 100, recordsOf(10, 10, 10), []span{{0, 1, 10}, {1, 2, 10}, {2, 3, 10}}},
		{"lines", 100, recordsOf(10, 10, 10), []span{{0, 3, 33}}},
		{"lines", 22, recordsOf(10, 10, 10), []span{{0, 2, 22}, {2, 3, 11}}},
		{"lines", 21, recordsOf(10, 10, 10), []span{{0, 1, 11}, {1, 2, 11}, {2, 3, 11}}},
		{"array", 23, recordsOf(10, 10, 10), []span{{0, 2, 23}, {2, 3, 12}}},
		{"array", 22, recordsOf(10, 10), []span{{0, 1, 12}, {1, 2, 12}}},
		{"concat", 20, recordsOf(10, 10, 20), []span{{0, 2, 20}, {2, 3, 20}}},
		{"concat", 20, recordsOf(20), []span{{0, 1, 20}}},
		{"concat", 100, withRun(2, recordsOf(1, 1, 1, 1)...), []span{{0, 2, 2}, {2, 4, 2}}},
		{"concat", 100, append(recordsOf(1, 1, 1), withRun(1, recordsOf(1, 1)...)...), []span{{0, 3, 3}, {3, 4, 1}, {4, 5, 1}}},
		{"concat", 100, append(withRun(2, recordsOf(1, 1, 1)...), recordsOf(1, 1, 1)...), []span{{0, 2, 2}, {2, 4, 2}, {4, 6, 2}}},
	} {
		t.Run(fmt.Sprintf("%s of at most %d", test.framing, test.maxBytes), func(t *testing.T) {
			layout, err := framing.Get(test.framing)
			require.NoError(t, err)
			require.Equal(t, test.want, cut(test.records, &wireFormat{framing: layout}, test.maxBytes))
		})
	}
}

func FuzzCut(f *testing.F) {
	f.Add([]byte{10, 10, 10}, []byte{}, uint16(22))
	f.Add([]byte{0, 0, 255}, []byte{0, 2, 1}, uint16(300))
	f.Fuzz(func(t *testing.T, sizes, runs []byte, limit uint16) {
		if len(sizes) == 0 {
			return
		}
		for _, name := range framing.Names() {
			layout, err := framing.Get(name)
			require.NoError(t, err)
			maxBytes := max(int(limit), layout.Size(1, 255)) // what the encoder lets through fits
			var records []*record
			for i, size := range sizes {
				r := recordsOf(int(size))[0]
				if i < len(runs) {
					r.run = int(runs[i])
				}
				records = append(records, r)
			}
			end := 0
			for _, c := range cut(records, &wireFormat{framing: layout}, maxBytes) {
				require.Equal(t, end, c.start)
				require.Greater(t, c.end, c.start)
				var parts [][]byte
				for _, r := range records[c.start:c.end] {
					parts = append(parts, r.data)
					if r.run > 0 {
						require.LessOrEqual(t, c.end-c.start, r.run)
					}
				}
				require.Len(t, layout.Append(nil, parts), c.bytes)
				require.LessOrEqual(t, c.bytes, maxBytes)
				end = c.end
			}
			require.Equal(t, len(records), end, "every record is in a message")
		}
	})
}

// Codecs that know nothing of shared fields get whole events, and so do tags and dead
// letters.
func TestEncodeTakesSharedFields(t *testing.T) {
	yamls := []string{
		`{format: forward, forward.tag: "%{[agent][name]}"}`,
		`{format: raw, max_len: 1, dead_letter.path: dead}`,
		`{format: json, max_message_bytes: 1KiB, dead_letter.path: dead}`,
		`{format: json, json_date_key: at}`,
		`codec.format.string: "%{[agent][name]}: %{[message]}"`,
	}
	for _, name := range codec.FormatNames() {
		if name != "csv" { // which has to be told the columns
			yamls = append(yamls, "format: "+name)
		}
	}
	for _, yaml := range yamls {
		t.Run(yaml, func(t *testing.T) {
			fields := mapstr.M{"agent": mapstr.M{"name": "shipper-1"}}
			whole, event := testEvent(strings.Repeat("x", 1024)), testEvent(strings.Repeat("x", 1024))
			whole.Fields.Update(fields)
			sharedfields.New(fields).GiveTo(event)
			expected, got := testEncoder(t, yaml).encode(whole), testEncoder(t, yaml).encode(event)
			require.Equal(t, expected.reason, got.reason)
			require.Equal(t, expected.group, got.group)
			require.Len(t, got.data, len(expected.data))
			require.Equal(t, sortedBytes(expected.data), sortedBytes(got.data), "only the order of fields may differ")
			require.Equal(t, sortedBytes(expected.event), sortedBytes(got.event))
		})
	}
}

func sortedBytes(data []byte) string { return string(slices.Sorted(slices.Values(data))) }
