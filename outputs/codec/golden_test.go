// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/beats/v7/libbeat/common"
	"github.com/elastic/elastic-agent-libs/mapstr"
	"github.com/stretchr/testify/require"
)

var updateFlag = flag.Bool("update", false, "write the golden files that differ")

// unordered are the codecs that write fields in the order of the map. Their
// records are compared by value, which a reader of the format finds.
var unordered = map[string]func(testing.TB, []byte) any{"json": decodeJSON, "msgpack": decodeMsgpack, "forward": decodeMsgpack}

func goldenEvents() map[string]*beat.Event {
	at := time.Date(2021, 2, 5, 22, 17, 9, 123456789, time.UTC)
	line := func(message any) *beat.Event {
		return &beat.Event{Timestamp: at, Fields: mapstr.M{"message": message}}
	}
	return map[string]*beat.Event{
		"filestream": filestreamEvent(),
		"line":       line("a plain line"),
		"empty_line": line(""),
		"bytes":      line([]byte("bytes, not text")),
		"number":     line(int64(-42)),
		"object":     line(mapstr.M{"not": "a line"}),
		"no_message": {Timestamp: at, Fields: mapstr.M{"event": mapstr.M{"original": "x"}}},
		"no_fields":  {Timestamp: at},
		"escapes":    line("quote \" backslash \\ tab \t newline \n nul \x00 delete \x7f html <&> separators \u2028\u2029"),
		"unicode":    line("grüße, 日本語, 🙂"),
		"not_utf8":   line("cut \xe2\x82 byte \xff surrogate \xed\xa0\x80 end"),
		"year_one":   {Fields: mapstr.M{"message": "no time"}},
		"with_id": {
			Timestamp: at, Meta: mapstr.M{"_id": "8Xk2", "raw_index": "logs"}, Fields: mapstr.M{"message": "told apart"},
		},
		"own_names": {
			Timestamp: at, Meta: mapstr.M{"type": "mine"}, Fields: mapstr.M{"message": "x", "@timestamp": "mine", "@metadata": mapstr.M{"a": 1}},
		},
		"kinds": {
			Timestamp: at,
			Fields: mapstr.M{
				"message":     "every kind",
				"big":         mapstr.M{"int": int64(math.MinInt64), "uint": uint64(math.MaxUint64)},
				"floats":      []any{math.NaN(), math.Inf(1), 1e21, 0.1, float32(0.1), math.Copysign(0, -1)},
				"time":        at,
				"common_time": common.Time(at),
				"duration":    90 * time.Second,
				"bytes":       []byte{0, 255},
				"error":       errors.New("not written"),
				"stringer":    stringer{Name: "a field"},
				"json_number": json.Number("12.50"),
				"nil":         nil,
				"strings":     []string{"a", "b"},
				"objects":     []mapstr.M{{"a": true}, nil},
				"labels":      map[string]string{"k": "v"},
			},
		},
		"unwritable": {Timestamp: at, Fields: mapstr.M{"message": "a line", "field": map[int]string{1: "one"}}},
	}
}

// TestGolden runs every registered codec over every event.
func TestGolden(t *testing.T) {
	for _, name := range Names() {
		for eventName, event := range goldenEvents() {
			t.Run(name+"/"+eventName, func(t *testing.T) {
				got := goldenRecord(t, name, event)
				path := filepath.Join("testdata", "golden", name, eventName)
				golden, err := os.ReadFile(path)
				if *updateFlag {
					if err != nil || !sameRecord(t, name, golden, got) {
						require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o750))
						require.NoError(t, os.WriteFile(path, got, 0o600))
					}
					return
				}
				require.NoError(t, err)
				require.True(t, sameRecord(t, name, golden, got), "golden: %q\ngot:    %q", golden, got)
			})
		}
	}
}

// goldenRecord is the record, or the reason why there is none.
func goldenRecord(t *testing.T, name string, event *beat.Event) []byte {
	t.Helper()
	record, err := newTestEncoder(t, name).Append([]byte{}, event)
	if err == nil {
		return record
	}
	var drop *DropError
	require.ErrorAs(t, err, &drop)
	return []byte("dropped: " + drop.Reason)
}

func sameRecord(t *testing.T, name string, golden, got []byte) bool {
	t.Helper()
	if string(golden) == string(got) {
		return true
	}
	decode, found := unordered[name]
	if !found || isDrop(golden) || isDrop(got) {
		return false
	}
	return reflect.DeepEqual(decode(t, golden), decode(t, got))
}

func isDrop(golden []byte) bool {
	return len(golden) == 0 || bytes.HasPrefix(golden, []byte("dropped: "))
}
