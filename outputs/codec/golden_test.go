// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/beats/v7/libbeat/common"
	"github.com/elastic/elastic-agent-libs/mapstr"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var updateFlag = flag.Bool("update", false, "write the golden files that differ")

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

// TestGolden runs every registered codec over every event. A codec has one golden
// file, with a line per event: its name, a TAB, and the record as a Go string.
func TestGolden(t *testing.T) {
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join("testdata", "golden", name+".txt")
			golden, err := readGolden(path)
			if errors.Is(err, fs.ErrNotExist) && !*updateFlag {
				require.FailNow(t, "no golden file", "codec %s has no %s: run go test ./outputs/codec -run TestGolden -update, and read what it wrote", name, path)
			}
			if !errors.Is(err, fs.ErrNotExist) {
				require.NoError(t, err)
			}
			events := goldenEvents()
			var written strings.Builder
			for _, eventName := range slices.Sorted(maps.Keys(events)) {
				got := goldenRecord(t, name, events[eventName])
				want, there := golden[eventName]
				if there && sameRecord(t, name, want, got) {
					got = want
				} else if !*updateFlag {
					assert.Fail(t, "the record differs from the golden file", "codec %s, event %s\ngolden: %q\ngot:    %q", name, eventName, want, got)
				}
				fmt.Fprintf(&written, "%s\t%q\n", eventName, got)
			}
			if *updateFlag {
				require.NoError(t, os.WriteFile(path, []byte(written.String()), 0o600))
			}
		})
	}
}

func TestEveryGoldenFileHasItsCodec(t *testing.T) {
	files, err := os.ReadDir("testdata/golden")
	require.NoError(t, err)
	for _, file := range files {
		_, err := Get(strings.TrimSuffix(file.Name(), ".txt"))
		require.NoError(t, err, "testdata/golden/%s belongs to no codec", file.Name())
	}
}

// readGolden returns the records of a golden file by the names of their events.
func readGolden(path string) (map[string]string, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	golden := map[string]string{}
	for line := range strings.Lines(string(content)) {
		name, quoted, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if golden[name], err = strconv.Unquote(quoted); err != nil {
			return nil, fmt.Errorf("%s, event %s: %w", path, name, err)
		}
	}
	return golden, nil
}

// goldenRecord is the record, or the reason why there is none.
func goldenRecord(t *testing.T, name string, event *beat.Event) string {
	t.Helper()
	record, err := newTestEncoder(t, name).Append([]byte{}, event)
	if err == nil {
		return string(record)
	}
	var drop *DropError
	require.ErrorAs(t, err, &drop)
	return dropMark + drop.Reason
}

// dropMark stands in a golden file in the place of a record.
const dropMark = "dropped: "

// sameRecord compares by value where a codec writes fields in no particular order.
func sameRecord(t *testing.T, name, golden, got string) bool {
	t.Helper()
	if golden == got {
		return true
	}
	decode := traits[name].unordered
	if decode == nil || golden == "" || strings.HasPrefix(golden, dropMark) || strings.HasPrefix(got, dropMark) {
		return false
	}
	return reflect.DeepEqual(decode(t, []byte(golden)), decode(t, []byte(got)))
}
