// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"testing"
	"time"

	"github.com/elastic/beats/v7/libbeat/beat"
	libcodec "github.com/elastic/beats/v7/libbeat/outputs/codec"
	conf "github.com/elastic/elastic-agent-libs/config"
	"github.com/elastic/elastic-agent-libs/mapstr"
	"github.com/stretchr/testify/require"
)

func libbeatConfig(t *testing.T, settings map[string]any) libcodec.Config {
	t.Helper()
	var cfg libcodec.Config
	require.NoError(t, conf.MustNewConfigFrom(settings).Unpack(&cfg))
	return cfg
}

func newLibbeatEncoder(t *testing.T, settings map[string]any) Encoder {
	t.Helper()
	newEncoder, err := FromLibbeat(testInfo, "an-index", libbeatConfig(t, settings))
	require.NoError(t, err)
	return newEncoder()
}

func TestFromLibbeatWritesWhatTheLibbeatCodecWrites(t *testing.T) {
	event := &beat.Event{Timestamp: time.Unix(0, 0), Fields: mapstr.M{"message": "<a>"}}
	for description, test := range map[string]struct {
		settings map[string]any
		expected string
	}{
		"json if none is named": {
			settings: map[string]any{},
			expected: `{"@timestamp":"1970-01-01T00:00:00.000Z","@metadata":{"beat":"an-index","type":"_doc","version":"9.0.0"},"message":"<a>"}`,
		},
		"json with options": {
			settings: map[string]any{"json.pretty": true},
			expected: `{
  "@timestamp": "1970-01-01T00:00:00.000Z",
  "@metadata": {
    "beat": "an-index",
    "type": "_doc",
    "version": "9.0.0"
  },
  "message": "<a>"
}`,
		},
		"a format string": {
			settings: map[string]any{"format.string": "%{+yyyy} %{[message]} %{[gone]:-}"},
			expected: "1970 <a> -",
		},
	} {
		t.Run(description, func(t *testing.T) {
			record, err := newLibbeatEncoder(t, test.settings).Append([]byte("before "), event)
			require.NoError(t, err)
			require.Equal(t, "before "+test.expected, string(record))
		})
	}
}

func TestFromLibbeatCopiesTheBufferThatLibbeatUsesAgain(t *testing.T) {
	encoder := newLibbeatEncoder(t, map[string]any{})
	first, err := encoder.Append(nil, &beat.Event{Fields: mapstr.M{"message": "first"}})
	require.NoError(t, err)
	kept := string(first)
	_, err = encoder.Append(nil, &beat.Event{Fields: mapstr.M{"message": "other"}})
	require.NoError(t, err)
	require.Equal(t, kept, string(first))
}

func TestFromLibbeatShowsInvalidSettingsAtOnce(t *testing.T) {
	for description, settings := range map[string]map[string]any{
		"a codec that does not exist":   {"xml.pretty": true},
		"a format without its string":   {"format.other": "x"},
		"a format string that is wrong": {"format.string": "%{[message"},
	} {
		t.Run(description, func(t *testing.T) {
			_, err := FromLibbeat(testInfo, "an-index", libbeatConfig(t, settings))
			require.ErrorContains(t, err, "libbeat codec: ")
		})
	}
}

func TestFromLibbeatDropsWhatLibbeatCanNotWrite(t *testing.T) {
	for description, test := range map[string]struct {
		settings map[string]any
		fields   mapstr.M
	}{
		"a field of the format string is missing": {map[string]any{"format.string": "%{[message]}"}, mapstr.M{"x": "hunter2"}},
		"a field of the format string is a list":  {map[string]any{"format.string": "%{[message]}"}, mapstr.M{"message": []any{"hunter2"}}},
		"a value without a JSON form":             {map[string]any{}, mapstr.M{"message": map[int]string{1: "hunter2"}}},
		"a value that makes libbeat panic":        {map[string]any{}, mapstr.M{"message": []any{1, (*time.Time)(nil)}}},
	} {
		t.Run(description, func(t *testing.T) {
			encoder := newLibbeatEncoder(t, test.settings)
			event := &beat.Event{Fields: test.fields}
			requireDrop(t, encoder, event, ReasonEncode)
			_, err := encoder.Append(nil, event)
			require.NotContains(t, err.Error(), "hunter2")

			next := &beat.Event{Fields: mapstr.M{"message": "next"}}
			expected, err := newLibbeatEncoder(t, test.settings).Append(nil, next)
			require.NoError(t, err)
			record, err := encoder.Append(nil, next)
			require.NoError(t, err)
			require.Equal(t, string(expected), string(record))
		})
	}
}
