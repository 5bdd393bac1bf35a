// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package decode

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tinylib/msgp/msgp"
)

// aTime is 2021-02-05T22:17:09.123456789Z as EventTime.
const aTime = "\xd7\x00\x60\x1d\xc3\xe5\x07\x5b\xcd\x15"

// anEntry has that time.
func anEntry(record string) string { return "\x92" + aTime + record }

// appended returns what one of msgp's functions appends.
func appended[T any](appendTo func([]byte, T) []byte, value T) string {
	return string(appendTo(nil, value))
}

// nestedMaps is a map in a map and so on, MessagePack's {"a":{"a":…{}}}.
func nestedMaps(depth int) string { return strings.Repeat("\x81\xa1a", depth-1) + "\x80" }

func TestMsgpackEntries(t *testing.T) {
	const at = `"@timestamp":"2021-02-05T22:17:09.123456789Z"`
	for name, test := range map[string]struct {
		message string
		records []string
	}{
		"with metadata that is empty":   {"\x92\x92" + aTime + "\x80\x81\xa1a\x01", []string{`{` + at + `,"a":1}`}},
		"with an empty map16":           {"\x92\x92" + aTime + "\xde\x00\x00\x81\xa1a\x01", []string{`{` + at + `,"a":1}`}},
		"with an empty map32":           {"\x92\x92" + aTime + "\xdf\x00\x00\x00\x00\x81\xa1a\x01", []string{`{` + at + `,"a":1}`}},
		"with metadata":                 {"\x92\x92" + aTime + "\x81\xa3_id\xa1x\x81\xa1a\x01", []string{`{` + at + `,"@metadata":{"_id":"x"},"a":1}`}},
		"with nil for metadata":         {"\x92\x92" + aTime + "\xc0\x81\xa1a\x01", []string{`{` + at + `,"a":1}`}},
		"without metadata":              {anEntry("\x81\xa1a\x01"), []string{`{` + at + `,"a":1}`}},
		"several":                       {anEntry("\x81\xa1a\x01") + anEntry("\x81\xa1a\x02"), []string{`{` + at + `,"a":1}`, `{` + at + `,"a":2}`}},
		"nothing at all":                {"", nil},
		"an empty record":               {anEntry("\x80"), []string{`{` + at + `}`}},
		"EventTime in an ext 8":         {"\x92\xc7\x08\x00" + aTime[2:] + "\x80", []string{`{` + at + `}`}},
		"MessagePack's own timestamp":   {"\x92\xd6\xff\x60\x1d\xc3\xe5\x80", []string{`{"@timestamp":"2021-02-05T22:17:09Z"}`}},
		"whole seconds":                 {"\x92\xce\x60\x1d\xc3\xe5\x80", []string{`{"@timestamp":"2021-02-05T22:17:09Z"}`}},
		"whole seconds, 64 bits":        {"\x92" + appended(msgp.AppendInt64, 1612563429) + "\x80", []string{`{"@timestamp":"2021-02-05T22:17:09Z"}`}},
		"seconds before 1970":           {"\x92\xff\x80", []string{`{"@timestamp":"1969-12-31T23:59:59Z"}`}},
		"float seconds":                 {"\x92" + appended(msgp.AppendFloat64, 1612563429.123457) + "\x80", []string{`{"@timestamp":"2021-02-05T22:17:09.123457Z"}`}},
		"float seconds before 1970":     {"\x92" + appended(msgp.AppendFloat64, -0.25) + "\x80", []string{`{"@timestamp":"1969-12-31T23:59:59.75Z"}`}},
		"float seconds that are whole":  {"\x92" + appended(msgp.AppendFloat32, 2) + "\x80", []string{`{"@timestamp":"1970-01-01T00:00:02Z"}`}},
		"milliseconds, beyond any year": {"\x92" + appended(msgp.AppendInt64, 1612563429123) + "\x80", []string{`{"@timestamp":1612563429123}`}},
		"seconds beyond any year":       {"\x92" + appended(msgp.AppendUint64, math.MaxUint64) + "\x80", []string{`{"@timestamp":18446744073709551615}`}},
		"seconds that are NaN":          {"\x92" + appended(msgp.AppendFloat64, math.NaN()) + "\x80", []string{`{"@timestamp":null}`}},
		"a record with its own time":    {anEntry("\x82\xa1a\x01\xaa@timestamp\xa1x"), []string{`{"a":1,"@timestamp":"x"}`}},
		"a record with its own metadata": {
			"\x92\x92" + aTime + "\x81\xa1b\x02" + "\x82\xa9@metadata\x81\xa3_id\xa1x\xa1a\x01", []string{`{` + at + `,"@metadata":{"_id":"x"},"a":1}`},
		},
		"a record with all of its own": {
			"\x92\x92" + aTime + "\x81\xa1b\x02" + "\x83\xa9@metadata\xc0\xaa@timestamp\xc0\xa3tag\xc0", []string{`{"@metadata":null,"@timestamp":null,"tag":null}`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			records, err := decodeText("msgpack", test.message, true)
			require.NoError(t, err)
			require.Equal(t, test.records, records)
			if len(test.message) > 0 {
				again, err := decodeText("auto", test.message, true)
				require.NoError(t, err)
				require.Equal(t, records, again)
			}
		})
	}
}

func TestMsgpackValues(t *testing.T) {
	for name, test := range map[string]struct{ value, want string }{
		"nil":                               {"\xc0", "null"},
		"true":                              {"\xc3", "true"},
		"false":                             {"\xc2", "false"},
		"a small number":                    {"\x7f", "127"},
		"a small number below 0":            {"\xe0", "-32"},
		"the greatest number of 64 bits":    {appended(msgp.AppendUint64, math.MaxUint64), "18446744073709551615"},
		"the smallest number of 64 bits":    {appended(msgp.AppendInt64, math.MinInt64), "-9223372036854775808"},
		"a number that a float cannot hold": {appended(msgp.AppendInt64, 1<<53+1), "9007199254740993"},
		"numbers in more bytes than needed": {"\x94\xcd\x00\x01\xd0\xff\xd1\x00\x01\xcf\x00\x00\x00\x00\x00\x00\x00\x01", "[1,-1,1,1]"},
		"a float of 64 bits":                {appended(msgp.AppendFloat64, 0.1), "0.1"},
		"a float of 32 bits":                {appended(msgp.AppendFloat32, 0.1), "0.1"},
		"a large float":                     {appended(msgp.AppendFloat64, 1e300), "1e+300"},
		"a small float":                     {appended(msgp.AppendFloat64, -5e-324), "-5e-324"},
		"not a number":                      {appended(msgp.AppendFloat64, math.NaN()), "null"},
		"an infinity":                       {appended(msgp.AppendFloat32, float32(math.Inf(-1))), "null"},
		"text":                              {appended(msgp.AppendString, "ä\"\n\x00"), `"ä\"\n\u0000"`},
		"text that is not UTF-8":            {appended(msgp.AppendString, "a\xffb"), "\"a\uFFFDb\""},
		"bin that is UTF-8":                 {appended(msgp.AppendBytes, []byte("ä\n")), `"ä\n"`},
		"bin that is not":                   {appended(msgp.AppendBytes, []byte("a\xff")), `"Yf8="`},
		"a list":                            {"\x93\x01\x90\x91\xa0", `[1,[],[""]]`},
		"a map":                             {"\x82\xa1a\x80\xa1b\x81\xa0\xc0", `{"a":{},"b":{"":null}}`},
		"a key twice":                       {"\x82\xa1a\x01\xa1a\x02", `{"a":1,"a":2}`},
		"keys that are not text":            {"\x85\x01\x01\xc3\x02\xc0\x03\xca\x3f\x00\x00\x00\x04\xc4\x01\xff\x05", `{"1":1,"true":2,"null":3,"0.5":4,"/w==":5}`},
		"a key that is not UTF-8":           {"\x81\xa1\xff\x01", "{\"\uFFFD\":1}"},
		"a time as a key":                   {"\x81" + aTime + "\x01", `{"2021-02-05T22:17:09.123456789Z":1}`},
		"an extension as a key":             {"\x81\xd4\x07\xff\x01", `{"7:/w==":1}`},
		"EventTime":                         {aTime, `"2021-02-05T22:17:09.123456789Z"`},
		"a timestamp of 32 bits":            {"\xd6\xff\x60\x1d\xc3\xe5", `"2021-02-05T22:17:09Z"`},
		"a timestamp of 64 bits":            {"\xd7\xff\x1d\x6f\x34\x54\x60\x1d\xc3\xe5", `"2021-02-05T22:17:09.123456789Z"`},
		"a timestamp of 96 bits":            {"\xc7\x0c\xff\x07\x5b\xcd\x15\x00\x00\x00\x00\x60\x1d\xc3\xe5", `"2021-02-05T22:17:09.123456789Z"`},
		"a timestamp that has no year":      {"\xc7\x0c\xff\x00\x00\x00\x00\x7f\xff\xff\xff\xff\xff\xff\xff", `{"type":-1,"data":"AAAAAH//////////"}`},
		"an EventTime of another length":    {"\xd4\x00\x01", `{"type":0,"data":"AQ=="}`},
		"extensions of all lengths":         {"\x94\xd5\x7f\x01\x02\xc7\x00\x01\xc8\x00\x01\x02\x03\xc9\x00\x00\x00\x01\x80\x04", `[{"type":127,"data":"AQI="},{"type":1,"data":""},{"type":2,"data":"Aw=="},{"type":-128,"data":"BA=="}]`},
		"types that the library knows":      {"\x92\xc7\x0c\x05" + strings.Repeat("\x00", 12) + "\xd7\x03" + strings.Repeat("\x00", 8), `[{"type":5,"data":"AAAAAAAAAAAAAAAA"},{"type":3,"data":"AAAAAAAAAAA="}]`},
	} {
		t.Run(name, func(t *testing.T) {
			records, err := decodeText("msgpack", "\x92\x00\x81\xa1v"+test.value, true)
			require.NoError(t, err)
			require.Equal(t, []string{`{"@timestamp":"1970-01-01T00:00:00Z","v":` + test.want + `}`}, records)
			require.True(t, json.Valid([]byte(records[0])))
			_, err = decodeText("json", records[0], false)
			require.NoError(t, err)
		})
	}
}

func TestMsgpackDepthIsThatOfJSON(t *testing.T) {
	records, err := decodeText("msgpack", anEntry(nestedMaps(64)), true)
	require.NoError(t, err)
	require.Len(t, records, 1)
	_, err = decodeText("json", records[0], false)
	require.NoError(t, err)
	records, err = decodeText("msgpack", "\x92\x92"+aTime+nestedMaps(63)+"\x80", true)
	require.NoError(t, err)
	_, err = decodeText("json", records[0], false)
	require.NoError(t, err, "metadata stands in the record")
	_, err = decodeText("msgpack", anEntry(strings.Repeat("\x81\xa1a", 64)+aTime), true)
	require.NoError(t, err, "a time is text")
}

func TestMsgpackThatIsWrongIsRefused(t *testing.T) {
	const deep = "MessagePack nested deeper than 64 at byte "
	for name, test := range map[string]struct{ message, reason string }{
		"65 maps":                           {anEntry(nestedMaps(65)), deep + "203"},
		"65 maps in the record's metadata":  {"\x92\x92" + aTime + nestedMaps(64) + "\x80", deep + "201"},
		"65 with an extension":              {anEntry(strings.Repeat("\x81\xa1a", 64) + "\xd4\x05\x00"), deep + "203"},
		"a hundred thousand lists":          {anEntry("\x81\xa1a" + strings.Repeat("\x91", 1e5)), deep + "77"},
		"a hundred thousand lists, no time": {strings.Repeat("\x92", 1e5), "not a time at byte 2"},
		"a map of four billion":             {anEntry("\xdf\xff\xff\xff\xff\xa1a\x01"), "MessagePack is cut short at byte 11"},
		"a list of four billion":            {anEntry("\x81\xa1a\xdd\xff\xff\xff\xff\x01"), "MessagePack is cut short at byte 14"},
		"a text of four billion":            {anEntry("\x81\xa1a\xdb\xff\xff\xff\xffx"), "MessagePack is cut short at byte 14"},
		"a bin of four billion":             {anEntry("\x81\xa1a\xc6\xff\xff\xff\xffx"), "MessagePack is cut short at byte 14"},
		"an extension of four billion":      {anEntry("\x81\xa1a\xc9\xff\xff\xff\xff\x01x"), "MessagePack is cut short at byte 14"},
		"a text of two billion":             {anEntry("\x81\xa1a\xdb\x7f\xff\xff\xffx"), "MessagePack is cut short at byte 14"},
		"a map that is one short":           {anEntry("\x82\xa1a\x01\xa1b"), "MessagePack is cut short at byte 17"},
		"a length that is cut off":          {anEntry("\x81\xa1a\xda\x00"), "MessagePack is cut short at byte 14"},
		"a number that is cut off":          {anEntry("\x81\xa1a\xcf\x00"), "MessagePack is cut short at byte 14"},
		"a time that is cut off":            {"\x92" + aTime[:8], "MessagePack is cut short at byte 1"},
		"an entry that is cut off":          {"\x92", "MessagePack is cut short at byte 0"},
		"a list as a key":                   {anEntry("\x81\x90\x01"), "array or map as a key at byte 12"},
		"a map as a key":                    {anEntry("\x81\x80\x01"), "array or map as a key at byte 12"},
		"the byte that is never used":       {anEntry("\x81\xa1a\xc1"), "invalid MessagePack at byte 14"},
		"the unused byte as a key":          {anEntry("\x81\xc1\x01"), "invalid MessagePack at byte 12"},
		"a record alone":                    {"\x81\xa1a\x01", "not an array at byte 0"},
		"a list of three":                   {"\x93" + aTime + "\x80\x80", "not an array of time and record at byte 1"},
		"a time in a list of three":         {"\x92\x93" + aTime + "\x80\x80\x80", "not an array of time and metadata at byte 2"},
		"a text for a time":                 {"\x92\xa1x\x80", "not a time at byte 1"},
		"another extension for a time":      {"\x92\xd7\x01" + aTime[2:] + "\x80", "not a time at byte 1"},
		"a list for a record":               {anEntry("\x90"), "record is not a map at byte 11"},
		"a number for metadata":             {"\x92\x92" + aTime + "\x01\x80", "metadata is not a map at byte 12"},
		"trailing bytes":                    {anEntry("\x80") + "\xc0", "not an array at byte 12"},
		"more records than may be written":  {strings.Repeat("\x92\x00\x80", 6000), "records are longer than 196608 bytes as JSON"},
		"text":                              {"hello", "not an array at byte 0"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := decodeWith(Options{MaxMessageBytes: 16 << 10}, "msgpack", test.message, true)
			require.EqualError(t, err, test.reason)
			require.LessOrEqual(t, len(err.Error()), maxErrorBytes)
		})
	}
}

func TestMsgpackThatIsCutShortAnywhereIsRefused(t *testing.T) {
	whole := "\x92\x92" + aTime + "\x81\xa3_id\xa1x\x83\xa1a\x93\x01\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00\xc0\xa1b\xc7\x03\x07abc\xa1c\xd9\x05hello"
	_, err := decodeText("msgpack", whole, true)
	require.NoError(t, err)
	for length := 1; length < len(whole); length++ {
		_, err := decodeText("msgpack", whole[:length], true)
		require.Error(t, err, "%d bytes", length)
		_, err = decodeText("auto", whole[:length], true)
		require.Error(t, err, "%d bytes in auto", length)
	}
}

func TestRecordsWithoutATimeAreTakenIfAllowed(t *testing.T) {
	records, err := decodeWith(Options{Msgpack: MsgpackOptions{BareRecords: true}}, "msgpack", "\x81\xa1a\x01"+anEntry("\x81\xa1a\x02")+"\x80", true)
	require.NoError(t, err)
	require.Len(t, records, 3)
	require.Equal(t, `{"a":1}`, records[0])
	require.Contains(t, records[1], `"@timestamp"`)
	require.Equal(t, `{}`, records[2])
}
