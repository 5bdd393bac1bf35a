// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"encoding/csv"
	"strings"
	"testing"
	"time"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/elastic-agent-libs/mapstr"
	"github.com/stretchr/testify/require"
)

func TestCSVRecords(t *testing.T) {
	at := time.Date(2021, 2, 5, 22, 17, 9, 123456789, time.UTC)
	fields := func(names ...string) map[string]any { return map[string]any{"fields": names} }
	separated := func(separator string, names ...string) map[string]any {
		return map[string]any{"fields": names, "separator": separator}
	}
	for description, test := range map[string]struct {
		options map[string]any
		fields  mapstr.M
		record  string
	}{
		"columns in their order":       {fields("b", "a"), mapstr.M{"a": 1, "b": "x", "c": 2}, "x,1"},
		"nested fields":                {fields("a.b", "a.b.c", "d.e"), mapstr.M{"a": mapstr.M{"b": map[string]any{"c": true}}, "d.e": "dotted"}, `"{""c"":true}",true,dotted`},
		"the event's own":              {fields("@timestamp", "@metadata._id", "@metadata.none", "a"), mapstr.M{"a": 1}, "2021-02-05T22:17:09.123Z,8Xk2,,1"},
		"missing and null":             {fields("a", "b", "c"), mapstr.M{"b": nil}, ",,"},
		"one column that is empty":     {fields("a"), nil, `""`},
		"one column":                   {fields("a"), mapstr.M{"a": "x"}, "x"},
		"quotes":                       {fields("a", "b"), mapstr.M{"a": `say "hi"`, "b": `"`}, `"say ""hi""",""""`},
		"separators":                   {fields("a", "b"), mapstr.M{"a": "x,y", "b": "x;y"}, `"x,y",x;y`},
		"line breaks":                  {fields("a", "b", "c"), mapstr.M{"a": "x\ny", "b": "x\ry", "c": "x\r\n"}, "\"x\ny\",\"x\ry\",\"x\r\n\""},
		"spaces":                       {fields("a", "b"), mapstr.M{"a": " x ", "b": "\t"}, " x ,\t"},
		"another separator":            {separated(";", "a", "b"), mapstr.M{"a": "x,y", "b": "x;y"}, `x,y;"x;y"`},
		"a TAB as the separator":       {separated("\t", "a", "b"), mapstr.M{"a": "x", "b": "\t"}, "x\t\"\t\""},
		"a separator of several bytes": {separated("→", "a", "b"), mapstr.M{"a": "x→y", "b": "↑"}, `"x→y"→↑`},
		"lists":                        {fields("a", "b"), mapstr.M{"a": []string{"x", "y"}, "b": []any{}}, `"[""x"",""y""]",[]`},
		"other kinds":                  {fields("a", "b", "c", "d"), mapstr.M{"a": 0.5, "b": at, "c": []byte("x"), "d": time.Second}, "0.5,2021-02-05T22:17:09.123Z,x,1000000000"},
		"text that is not UTF-8":       {fields("a"), mapstr.M{"a": "x\xff"}, "x\xff"},
	} {
		t.Run(description, func(t *testing.T) {
			event := &beat.Event{Timestamp: at, Meta: mapstr.M{"_id": "8Xk2"}, Fields: test.fields}
			record, err := newEncoderWith(t, "csv", test.options).Append(nil, event)
			require.NoError(t, err)
			require.Equal(t, test.record, string(record))

			reader := csv.NewReader(strings.NewReader(string(record) + "\n"))
			if separator, set := test.options["separator"].(string); set {
				reader.Comma = []rune(separator)[0]
			}
			columns, err := reader.Read()
			require.NoError(t, err)
			names, _ := test.options["fields"].([]string)
			require.Len(t, columns, len(names))
		})
	}
}

// Nothing but the columns is looked at.
func TestCSVDoesNotMindOtherFields(t *testing.T) {
	encoder := newEncoderWith(t, "csv", map[string]any{"fields": []string{"message", "bad.x"}})
	record, err := encoder.Append(nil, &beat.Event{Fields: mapstr.M{"message": "m", "bad": make(chan int)}})
	require.NoError(t, err)
	require.Equal(t, "m,", string(record))
	requireDrop(t, encoder, &beat.Event{Fields: mapstr.M{"message": make(chan int)}}, ReasonEncode)
}
