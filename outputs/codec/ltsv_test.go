// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"net/url"
	"testing"
	"time"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/elastic-agent-libs/mapstr"
	"github.com/stretchr/testify/require"
)

func TestLTSVRecords(t *testing.T) {
	at := time.Date(2021, 2, 5, 22, 17, 9, 123456789, time.UTC)
	const time = "time:2021-02-05T22:17:09.123456Z"
	type options = map[string]any
	for description, test := range map[string]struct {
		options options
		fields  mapstr.M
		record  string
	}{
		"nothing":                         {record: time},
		"fields by their sorted names":    {fields: mapstr.M{"b": "x", "a": mapstr.M{"z": 1, "y": 2}, "a-b": true}, record: time + "\ta-b:true\ta.y:2\ta.z:1\tb:x"},
		"labels with other characters":    {fields: mapstr.M{"a:b": 1, "ü": 2, "": 3}, record: time + "\t_:3\ta_b:1\t__:2"},
		"values with delimiters":          {fields: mapstr.M{"m": "a\tb\rc\nd\x00e:f\\"}, record: time + "\tm:a b c d e:f\\"},
		"values with delimiters, escaped": {options: options{"escape": true}, fields: mapstr.M{"m": "a\tb\rc\nd\x00e:f\\"}, record: time + "\tm:" + `a\tb\rc\nd e:f\\`},
		"null and lists":                  {fields: mapstr.M{"n": nil, "l": []any{"a\tb", 1}, "o": mapstr.M{}}, record: time + "\tl:[\"a\\tb\",1]\tn:"},
		"lists, escaped":                  {options: options{"escape": true}, fields: mapstr.M{"l": []any{"a\tb", 1}}, record: time + "\tl:[\"a\\\\tb\",1]"},
		"a field that is called time":     {fields: mapstr.M{"time": "mine", "times": mapstr.M{"time": "x"}}, record: time + "\ttimes.time:x"},
		"a date":                          {options: options{"json_date_format": "DOUBLE"}, record: "time:1612563429.123457"},
		"other delimiters":                {options: options{"delimiter": ",", "label_delimiter": "="}, fields: mapstr.M{"m": "a,b=c\td"}, record: "time=2021-02-05T22:17:09.123456Z,m=a b=c d"},
		"a delimiter of several bytes":    {options: options{"delimiter": "→"}, fields: mapstr.M{"m": "a→b\xe2↑"}, record: time + "→m:a b\xe2↑"},
		"a space as the delimiter":        {options: options{"delimiter": " "}, fields: mapstr.M{"m": "a b\tc"}, record: time + " m:a_b_c"},
		"a backslash as the delimiter":    {options: options{"delimiter": "\\"}, fields: mapstr.M{"m": "a\\b"}, record: time + "\\m:a b"},
		"a form":                          {options: options{"delimiter": "&", "label_delimiter": "="}, fields: mapstr.M{"a b": "x&y=z %+\xff\n"}, record: "time=2021-02-05T22%3A17%3A09.123456Z&a_b=x%26y%3Dz+%25%2B%EF%BF%BD%0A"},
		"half a form":                     {options: options{"delimiter": "&"}, fields: mapstr.M{"a": "x&y=z %"}, record: time + "&a:x y=z %"},
	} {
		t.Run(description, func(t *testing.T) {
			record, err := newEncoderWith(t, "ltsv", test.options).Append(nil, &beat.Event{Timestamp: at, Fields: test.fields})
			require.NoError(t, err)
			require.Equal(t, test.record, string(record))
		})
	}
}

func TestLTSVThatIsAFormIsAlwaysOne(t *testing.T) {
	g := newGenerator(t)
	encoder := newEncoderWith(t, "ltsv", map[string]any{"delimiter": "&", "label_delimiter": "="})
	for range 500 {
		event := g.event()
		record, err := encoder.Append(nil, event)
		require.NoError(t, err)
		require.Regexp(t, `^[0-9A-Za-z*\-._+%&=]+$`, string(record))
		values, err := url.ParseQuery(string(record))
		require.NoError(t, err)
		require.Equal(t, event.Timestamp.UTC().Format("2006-01-02T15:04:05.000000Z"), values.Get("time"))
	}
}
