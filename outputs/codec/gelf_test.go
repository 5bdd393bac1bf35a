// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"math"
	"testing"
	"time"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/elastic-agent-libs/mapstr"
	"github.com/stretchr/testify/require"
)

func TestGELFRecords(t *testing.T) {
	at := time.Date(2021, 2, 5, 22, 17, 9, 123456789, time.UTC)
	const time = `"timestamp":1612563429.123`
	for description, test := range map[string]struct {
		options map[string]any
		fields  mapstr.M
		record  string
	}{
		"nothing":                     {fields: nil, record: `"host":"agent-1","short_message":"-",` + time},
		"a line":                      {fields: mapstr.M{"message": "a \"line\"\n"}, record: `"host":"agent-1","short_message":"a \"line\"\n",` + time},
		"a line that is bytes":        {fields: mapstr.M{"message": []byte("b")}, record: `"host":"agent-1","short_message":"b",` + time},
		"a line that is a number":     {fields: mapstr.M{"message": 5}, record: `"host":"agent-1","short_message":"5",` + time},
		"an empty line":               {fields: mapstr.M{"message": ""}, record: `"host":"agent-1","short_message":"-",` + time + `,"_message":""`},
		"a line that is a list":       {fields: mapstr.M{"message": []any{"\"", 1}}, record: `"host":"agent-1","short_message":"-",` + time + `,"_message":"[\"\\\"\",1]"`},
		"the original for the line":   {fields: mapstr.M{"event": mapstr.M{"original": "o"}}, record: `"host":"agent-1","short_message":"o",` + time},
		"a line and its original":     {fields: mapstr.M{"message": "m", "event": mapstr.M{"original": "o"}}, record: `"host":"agent-1","short_message":"m",` + time + `,"_event_original":"o"`},
		"a host":                      {fields: mapstr.M{"host": mapstr.M{"name": "h", "os": "linux"}}, record: `"host":"h","short_message":"-",` + time + `,"_host_os":"linux"`},
		"a host by its dotted name":   {fields: mapstr.M{"host.name": "h"}, record: `"host":"h","short_message":"-",` + time},
		"a stack trace":               {fields: mapstr.M{"error": mapstr.M{"stack_trace": "at\nat"}}, record: `"host":"agent-1","short_message":"-","full_message":"at\nat",` + time},
		"a level":                     {fields: mapstr.M{"log": mapstr.M{"level": "WARN"}}, record: `"host":"agent-1","short_message":"-",` + time + `,"level":4`},
		"an unknown level":            {fields: mapstr.M{"log": mapstr.M{"level": "odd"}}, record: `"host":"agent-1","short_message":"-",` + time + `,"_log_level":"odd"`},
		"a severity":                  {fields: mapstr.M{"log": mapstr.M{"syslog": mapstr.M{"severity": mapstr.M{"code": 2}}}}, record: `"host":"agent-1","short_message":"-",` + time + `,"level":2`},
		"keys of one's own":           {options: map[string]any{"host_key": "h", "short_message_key": "s", "full_message_key": "f", "level_key": "l"}, fields: mapstr.M{"h": "a", "s": "b", "f": "c", "l": 7, "message": "m"}, record: `"host":"a","short_message":"b","full_message":"c",` + time + `,"level":7,"_message":"m"`},
		"no key at all":               {options: map[string]any{"full_message_key": "", "level_key": ""}, fields: mapstr.M{"": "empty", "error": mapstr.M{"stack_trace": "s"}, "log": mapstr.M{"level": "info"}}, record: `"host":"agent-1","short_message":"-",` + time + `,"_":"empty","_error_stack_trace":"s","_log_level":"info"`},
		"every kind of value":         {fields: mapstr.M{"b": true, "f": 0.5, "i": -1, "l": []string{"x", "y"}, "n": nil, "nan": math.NaN(), "o": mapstr.M{}, "u": uint64(math.MaxUint64)}, record: `"host":"agent-1","short_message":"-",` + time + `,"_b":"true","_f":0.5,"_i":-1,"_l":"[\"x\",\"y\"]","_u":18446744073709551615`},
		"a field that is called id":   {fields: mapstr.M{"id": "x", "_id": "y", "a": mapstr.M{"id": "z"}}, record: `"host":"agent-1","short_message":"-",` + time + `,"__id":"y","_a_id":"z","_id_":"x"`},
		"names with other characters": {fields: mapstr.M{"a b": 1, "ß": 2, "c.d-e": mapstr.M{"f": 3}}, record: `"host":"agent-1","short_message":"-",` + time + `,"_a_b":1,"_c.d-e_f":3,"___":2`},
	} {
		t.Run(description, func(t *testing.T) {
			record, err := newEncoderWith(t, "gelf", test.options).Append(nil, &beat.Event{Timestamp: at, Fields: test.fields})
			require.NoError(t, err)
			require.Equal(t, `{"version":"1.1",`+test.record+`}`, string(record))
			decodeJSON(t, record)
		})
	}
}

func TestGELFLevels(t *testing.T) {
	for level, spellings := range [][]any{
		{"emerg", "emergency", "panic", "0", 0},
		{"alert", "1", int8(1)},
		{"crit", "critical", "CRITICAL", "fatal", "2", uint64(2)},
		{"err", "error", "Error", "severe", "3", 3.0},
		{"warn", "warning", "4", int64(4)},
		{"notice", "5", 5},
		{"info", "information", "Informational", "6", 6},
		{"debug", "DEBUG", "trace", "verbose", "7", float32(7)},
	} {
		for _, spelling := range spellings {
			record, err := newTestEncoder(t, "gelf").Append(nil, &beat.Event{Fields: mapstr.M{"log": mapstr.M{"level": spelling}}})
			require.NoError(t, err)
			require.Contains(t, string(record), `,"level":`+string(digits[level])+`}`, "%v", spelling)
		}
	}
	for _, unknown := range []any{"8", 8, -1, 3.5, "", "informational level", true, nil, []string{"info"}} {
		record, err := newTestEncoder(t, "gelf").Append(nil, &beat.Event{Fields: mapstr.M{"log": mapstr.M{"level": unknown}}})
		require.NoError(t, err)
		require.NotContains(t, string(record), `"level"`, "%v", unknown)
	}
}

func TestGELFTimes(t *testing.T) {
	for expected, at := range map[string]time.Time{
		"0.000":              time.Unix(0, 0),
		"1.999":              time.Unix(1, 999_999_999),
		"-0.500":             time.Unix(-1, 500_000_000),
		"-62135596800.000":   {},
		"253402300799.007":   time.Unix(253402300799, 7_000_000),
		"1612563429.120":     time.Unix(1612563429, 120_000_000),
		"32503680000.000":    time.Date(3000, 1, 1, 0, 0, 0, 0, time.UTC),
		"1612559829.000":     time.Date(2021, 2, 5, 22, 17, 9, 0, time.FixedZone("", 3600)),
		"-9223372036854.775": time.UnixMilli(-9223372036854775),
	} {
		require.Equal(t, expected, string(appendGELFTime(nil, at)))
	}
}

func TestGELFOfAnAgentWithoutANameHasAHost(t *testing.T) {
	newEncoder, _, err := New("gelf", beat.Info{}, nil)
	require.NoError(t, err)
	record, err := newEncoder().Append(nil, &beat.Event{})
	require.NoError(t, err)
	require.Contains(t, string(record), `"host":"-"`)
}
