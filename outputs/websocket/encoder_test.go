// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/beats/v7/libbeat/publisher"
	"github.com/elastic/elastic-agent-libs/mapstr"

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
	e, ok := newEncoderFactory(format, c.MaxLen, c.MaxMessageBytes)().(*encoder)
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
	require.Equal(t, "hello", string(event.EncodedEvent.(*record).data))
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

func TestCutKeepsOrderAndLimits(t *testing.T) {
	records := func(sizes ...int) (all [][]byte) {
		for _, size := range sizes {
			all = append(all, []byte(strings.Repeat("r", size)))
		}
		return all
	}
	for _, test := range []struct {
		framing  string
		maxBytes int
		records  [][]byte
		want     []chunk
	}{
		{"message", 100, records(10, 10, 10), []chunk{{1, 10}, {2, 10}, {3, 10}}},
		{"lines", 100, records(10, 10, 10), []chunk{{3, 33}}},
		{"lines", 22, records(10, 10, 10), []chunk{{2, 22}, {3, 11}}},
		{"lines", 21, records(10, 10, 10), []chunk{{1, 11}, {2, 11}, {3, 11}}},
		{"array", 23, records(10, 10, 10), []chunk{{2, 23}, {3, 12}}},
		{"array", 22, records(10, 10), []chunk{{1, 12}, {2, 12}}},
		{"concat", 20, records(10, 10, 20), []chunk{{2, 20}, {3, 20}}},
		{"concat", 20, records(20), []chunk{{1, 20}}},
	} {
		t.Run(fmt.Sprintf("%s of at most %d", test.framing, test.maxBytes), func(t *testing.T) {
			layout, err := framing.Get(test.framing)
			require.NoError(t, err)
			require.Equal(t, test.want, cut(nil, test.records, layout, test.maxBytes))
		})
	}
}

func FuzzCut(f *testing.F) {
	f.Add([]byte{10, 10, 10}, uint16(22))
	f.Add([]byte{0, 0, 255}, uint16(300))
	f.Fuzz(func(t *testing.T, sizes []byte, limit uint16) {
		for _, name := range framing.Names() {
			layout, err := framing.Get(name)
			require.NoError(t, err)
			maxBytes := max(int(limit), layout.Size(1, 255)) // what the encoder lets through fits
			if len(sizes) == 0 {
				return
			}
			var records [][]byte
			for i, size := range sizes {
				records = append(records, []byte(strings.Repeat(string(rune('a'+i%26)), int(size))))
			}
			start := 0
			for _, c := range cut(nil, records, layout, maxBytes) {
				require.Greater(t, c.end, start)
				message := layout.Append(nil, records[start:c.end])
				require.Len(t, message, c.bytes)
				require.LessOrEqual(t, len(message), maxBytes)
				start = c.end
			}
			require.Equal(t, len(records), start, "every record is in a message")
		}
	})
}
